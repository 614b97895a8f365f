-- Where the log ends.
--
-- KEYS: the log, all records but items, the schema. ARGV: the schema of the caller.
--
-- Answers {'newer', schema} or {'standing', id of the last entry ever appended, the epoch's record or nil}.

local schema = redis.call('GET', KEYS[3])
if schema and (tonumber(schema) or 0) > tonumber(ARGV[1]) then
  return { 'newer', schema }
end
local last = '0-0'
if redis.call('EXISTS', KEYS[1]) == 1 then
  local about = redis.call('XINFO', 'STREAM', KEYS[1])
  for index = 1, #about, 2 do
    if about[index] == 'last-generated-id' then
      last = about[index + 1]
    end
  end
end
return { 'standing', last, redis.call('HGET', KEYS[2], 'epoch') }
