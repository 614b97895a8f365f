-- Drops the entries that are too old by the clock that dated them, but for the newest of them, and says how the log and
-- the server are then. The server is asked by a script, because a script goes to the node that has KEYS[1].
--
-- KEYS: the log, the schema. ARGV: the schema of the caller; the greatest age in milliseconds.
--
-- Answers {'tended', how many entries are left, id of the oldest or nil, the server's clock in seconds, text of INFO,
-- ...}; a section that may not be asked for is left out.

local now = redis.call('TIME')
local from = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000) - tonumber(ARGV[2])
-- The newest of those that are too old stays: whoever has followed the log up to it goes on from there, however long
-- nothing happened.
local newest = redis.call('XREVRANGE', KEYS[1], '(' .. string.format('%.0f', math.max(from, 0)), '-', 'COUNT', 1)[1]
if newest then
  redis.call('XTRIM', KEYS[1], 'MINID', '=', newest[1])
end

local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local answer = { 'tended', redis.call('XLEN', KEYS[1]), oldest and oldest[1] or false, now[1] }
for _, section in ipairs({ 'server', 'persistence', 'replication', 'memory' }) do
  local text = redis.pcall('INFO', section)
  if type(text) == 'string' then
    answer[#answer + 1] = text
  end
end
return answer
