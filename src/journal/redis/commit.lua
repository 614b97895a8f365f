-- One commit: checks records, and then writes, appends and trims, or does nothing.
--
-- KEYS: items, all other records, the log, the schema.
-- ARGV: the schema of the caller; how many entries the log keeps; then lists, each with its length in front: checks
-- (hash, field, version or nothing), writes (hash, field, `1` and a value, or `0`), entries (number of texts, texts).
-- A hash is named by its place in KEYS.
--
-- Answers {'lost'} where the items were there and are not; {'conflict', index of a check, value or nil, ...}; or
-- {'committed', id, ...}.

local at = 1
local function take()
  at = at + 1
  return ARGV[at]
end

local entries_max = take()

local conflicts = { 'conflict' }
for index = 1, tonumber(take()) do
  local hash, field, expected = KEYS[tonumber(take())], take(), take()
  local current = redis.call('HGET', hash, field)
  local version = current and string.match(current, '^(%d+%-%d+) ') or ''
  if version ~= expected then
    conflicts[#conflicts + 1] = index
    conflicts[#conflicts + 1] = current
  end
end
-- The entries come first, because the id of the last one is the version of what is written. Writes are only read here.
local writes, begins_items = {}, false
for index = 1, tonumber(take()) do
  local hash, field, is_kept = KEYS[tonumber(take())], take(), take() == '1'
  writes[index] = { hash, field, is_kept and take() }
  begins_items = begins_items or hash == KEYS[1] and field == 'begun'
end

-- An item that was written now would hide that all others are gone.
if not begins_items and redis.call('EXISTS', KEYS[1]) == 0 and redis.call('HEXISTS', KEYS[2], 'items') == 1 then
  return { 'lost' }
end
if #conflicts > 1 then
  return conflicts
end

local answer = { 'committed' }
for _ = 1, tonumber(take()) do
  local texts = {}
  for index = 1, tonumber(take()) do
    texts[index] = take()
  end
  -- `*` never goes back, whatever the clock does: it is the clock, or the last id and one more.
  answer[#answer + 1] = redis.call('XADD', KEYS[3], 'MAXLEN', '=', entries_max, '*', unpack(texts))
end

local version = answer[#answer]
for _, write in ipairs(writes) do
  if write[3] then
    redis.call('HSET', write[1], write[2], version .. ' ' .. write[3])
  else
    redis.call('HDEL', write[1], write[2])
  end
end
if not schema then
  redis.call('SET', KEYS[4], ARGV[1])
end
return answer
