-- Reads, puts or deletes a value that expires: the position of the log that it is at least as new as, a blank, and what
-- the caller wrote.
--
-- KEYS: the value, the schema. ARGV: the schema of the caller; `get`, `put` or `delete`; and to put one its position,
-- the value, and for how many milliseconds.
--
-- Answers {'found', the whole value} or {'none'}; {'put'} or, where a later one is, {'later'}; {'deleted'}.

-- A key of another type is an error to whoever reads it, for ever.
local there = redis.pcall('GET', KEYS[1])
local ms, seq
if type(there) == 'string' then
  ms, seq = string.match(there, '^(%d+)%-(%d+) ')
end

if ARGV[2] == 'get' then
  if ms then
    return { 'found', there }
  elseif there then
    redis.call('DEL', KEYS[1])
  end
  return { 'none' }
elseif ARGV[2] == 'delete' then
  redis.call('DEL', KEYS[1])
  return { 'deleted' }
end

local new_ms, new_seq = string.match(ARGV[3], '^(%d+)%-(%d+)$')
local later = ms and tonumber(ms) - tonumber(new_ms) or 0
if later == 0 and ms then
  later = tonumber(seq) - tonumber(new_seq)
end
if later > 0 then
  return { 'later' }
end
redis.call('SET', KEYS[1], ARGV[3] .. ' ' .. ARGV[4], 'PX', ARGV[5])
return { 'put' }
