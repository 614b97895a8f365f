-- Takes a lease, or renews it for the same holder. It is worth nothing in a store that was begun anew since.
--
-- KEYS: the lease, all records but items, the schema. ARGV: the schema of the caller; the holder; for how many
-- milliseconds.
--
-- Answers {'taken'}, or {'held'} while somebody else has it.

local epoch = redis.call('HGET', KEYS[2], 'epoch') or ''
local holder, of_epoch = string.match(redis.call('GET', KEYS[1]) or '', '^(.-)\n(.*)$')
if holder and holder ~= ARGV[2] and of_epoch == epoch then
  return { 'held' }
end
redis.call('SET', KEYS[1], ARGV[2] .. '\n' .. epoch, 'PX', ARGV[3])
return { 'taken' }
