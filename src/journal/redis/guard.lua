-- Begins every script: a store that a newer version writes is not used in any way.
--
-- The last of KEYS is the schema, and ARGV[1] the schema of the caller.
--
-- Answers {'newer', schema}, or lets the script go on.

local schema = redis.call('GET', KEYS[#KEYS])
if schema and (tonumber(schema) or 0) > tonumber(ARGV[1]) then
  return { 'newer', schema }
end

