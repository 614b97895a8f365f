-- Whether the log still holds a position, and what follows it, in one step: between two steps the log could be emptied
-- and begun anew, and entries of another history would be taken for the next ones.
--
-- KEYS: the log, all records but items, the items, the schema.
-- ARGV: the schema of the caller; the position, or nothing for the log's end; how many entries about, 0 for none; the
-- epoch's record as the caller knows it, or nothing; how many bytes of events, or 0 for whole entries, which end with the
-- end of a commit.
--
-- Answers {'lost'}; or {'held', entries}; or for the log's end {'end', id of the last entry ever appended, the epoch's
-- record or nil, id of the entry that so many others follow or 0-0}.

local position, limit, epoch, bytes_max = ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
if epoch ~= '' and redis.call('HGET', KEYS[2], 'epoch') ~= epoch then
  return { 'lost' }
end
-- The items may be gone alone, as after an eviction. They are looked for by name, because Redis has no empty hash.
if redis.call('HEXISTS', KEYS[2], 'items') == 1 and redis.call('EXISTS', KEYS[3]) == 0 then
  return { 'lost' }
end

local function last_id()
  if redis.call('EXISTS', KEYS[1]) == 1 then
    local about = redis.call('XINFO', 'STREAM', KEYS[1])
    for index = 1, #about, 2 do
      if about[index] == 'last-generated-id' then
        return about[index + 1]
      end
    end
  end
  return '0-0'
end

if position == '' then
  -- In small pieces, of which only the ids outlive the next.
  local before, from, left = '0-0', '+', limit > 0 and limit + 1 or 0
  while left > 0 do
    local piece = redis.call('XREVRANGE', KEYS[1], from, '-', 'COUNT', math.min(left, 100))
    left = left - #piece
    if left == 0 then
      before = piece[#piece][1]
    elseif not piece[1] or #piece < 100 then
      break
    else
      from = '(' .. piece[#piece][1]
    end
  end
  return { 'end', last_id(), redis.call('HGET', KEYS[2], 'epoch'), before }
end
local count = bytes_max > 0 and 16 or limit
local entries = redis.call('XRANGE', KEYS[1], position, '+', 'COUNT', count + 1)
if entries[1] then
  -- With entries after it, a position that is not there itself was trimmed away, or was never there.
  if entries[1][1] ~= position then
    return { 'lost' }
  end
  table.remove(entries, 1)
elseif last_id() ~= position then
  -- Nothing follows: it is held if it is the end, even of a log that was trimmed to nothing.
  return { 'lost' }
end

if bytes_max > 0 then
  local missed, size, seen = {}, 0, 0
  while entries[1] do
    for _, entry in ipairs(entries) do
      local texts = {}
      for index = 1, #entry[2], 2 do
        if entry[2][index] ~= 'delta' then
          texts[#texts + 1] = entry[2][index]
          texts[#texts + 1] = entry[2][index + 1]
        end
        if entry[2][index] == 'event' then
          size = size + #entry[2][index + 1]
        end
      end
      if missed[1] and (size > bytes_max or seen >= limit) then
        return { 'held', missed }
      end
      missed[#missed + 1] = { entry[1], texts }
      seen = seen + 1
    end
    entries = redis.call('XRANGE', KEYS[1], '(' .. entries[#entries][1], '+', 'COUNT', count)
  end
  return { 'held', missed }
end

-- The mark of a commit's end is the first of its texts. A commit is appended whole, so its end is there.
local function ends_commit(entry)
  return entry[2][1] == 'end'
end
while entries[1] and not ends_commit(entries[#entries]) do
  local more = redis.call('XRANGE', KEYS[1], '(' .. entries[#entries][1], '+', 'COUNT', 16)
  if not more[1] then
    break
  end
  for _, entry in ipairs(more) do
    entries[#entries + 1] = entry
    if ends_commit(entry) then
      break
    end
  end
end
return { 'held', entries }
