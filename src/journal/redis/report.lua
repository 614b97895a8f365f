-- Notes what an instance says of itself, drops what is over, and says what is left.
--
-- KEYS: the instances, the schema. ARGV: the schema of the caller; the instance; what it says; for how many
-- milliseconds.
--
-- Answers {'reports', instance, what it says, ...}.

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

-- A field of a hash cannot expire, so each begins with its end, by the one clock that all of them are measured by.
redis.call('HSET', KEYS[1], ARGV[2], string.format('%.0f', now + tonumber(ARGV[4])) .. ' ' .. ARGV[3])

local answer = { 'reports' }
local fields = redis.call('HGETALL', KEYS[1])
for index = 1, #fields, 2 do
  local ends, report = string.match(fields[index + 1], '^(%d+) (.*)$')
  if ends and tonumber(ends) > now then
    answer[#answer + 1] = fields[index]
    answer[#answer + 1] = report
  else
    redis.call('HDEL', KEYS[1], fields[index])
  end
end
-- When nobody is left, nothing is.
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return answer
