-- Reads records in one step.
--
-- KEYS: items, all other records, the schema. ARGV: the schema of the caller; then a hash and a field for each record. A
-- hash is named by its place in KEYS.
--
-- Answers {'read', value or nil, ...}.

local answer = { 'read' }
for index = 2, #ARGV, 2 do
  answer[#answer + 1] = redis.call('HGET', KEYS[tonumber(ARGV[index])], ARGV[index + 1])
end
return answer
