-- What the server says of itself. It is asked by a script, because a script goes to the node that has KEYS[1].
--
-- Answers {its clock in seconds, text of INFO, ...}; a section that may not be asked for is left out.

local answer = { redis.call('TIME')[1] }
for _, section in ipairs({ 'server', 'persistence', 'replication', 'memory' }) do
  local text = redis.pcall('INFO', section)
  if type(text) == 'string' then
    answer[#answer + 1] = text
  end
end
return answer
