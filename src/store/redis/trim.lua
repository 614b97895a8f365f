-- Drops the entries that are older than ARGV[1] milliseconds, by the clock that dated them. KEYS: the log.
-- Answers how many.

local now = redis.call('TIME')
local oldest = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000) - tonumber(ARGV[1])
return redis.call('XTRIM', KEYS[1], 'MINID', '=', string.format('%.0f', math.max(oldest, 0)))
