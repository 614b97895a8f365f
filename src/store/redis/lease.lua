-- Takes a lease, or renews it for the same holder. KEYS: the lease. ARGV: the holder, for how many milliseconds.
-- Answers 1, or 0 while somebody else has it.

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
