-- Takes a lease, or renews it for the same holder.
--
-- KEYS: the lease, the schema. ARGV: the schema of the caller; the holder; for how many milliseconds.
--
-- Answers {'taken'}, or {'held'} while somebody else has it.

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[2] then
  return { 'held' }
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return { 'taken' }
