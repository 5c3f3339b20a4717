/**
 * Gates, in Lua: limits over all processes, held by messages.
 *
 * `G gates` (id → MessagePack) has for each message with gates how many it has passed (p), its place (o),
 * where it is (s, t, n) and its gates as JSON: key, limit, mode (0 given back over a retry, 1 kept, 2 drops,
 * 3 cancels). `G gate:<key>` is the set of ids that have passed the gate of a key, `G gateline:<key>` those
 * that wait there, `G gateheld:<key>` those whom a gate that cancels may cancel, by age, `G gatelimits` the
 * limits set at run time. What waits is kept as what is scheduled, without a time. Part of the prelude.
 *
 * Most messages have none: the functions are made when one is called (`only-used.ts`).
 *
 * Nothing runs beside a script, so what it has read of a key it need not read again: a batch of messages of
 * one key asks once how many have passed and whether anybody waits.
 */
export const gateLua = `
local gateLists, gateHeld, gateLimits, gateAlone, anyLimit = {}, {}, {}, {}, nil
--[ lazyGates
local perRank = 17592186044416

local function listOf(text)
  local list = gateLists[text]
  if not list then
    list = cjson.decode(text)
    gateLists[text] = list
  end
  return list
end

local function readGates(id)
  local packed = redis.call('HGET', G .. 'gates', id)
  if not packed then return nil end
  local p, o, s, t, n, text = cmsgpack.unpack(packed)
  return { p = p, o = o, s = s, t = t, n = n, text = text, g = listOf(text) }
end

local function writeGates(id, r)
  redis.call('HSET', G .. 'gates', id, cmsgpack.pack(r.p, r.o, r.s, r.t, r.n, r.text))
end

local function nextPlace() return redis.call('INCR', G .. 'gateseq') end

local function limitOf(gate)
  local set = gateLimits[gate[1]]
  if set == nil then
    if anyLimit == nil then anyLimit = redis.call('EXISTS', G .. 'gatelimits') == 1 end
    set = anyLimit and tonumber(redis.call('HGET', G .. 'gatelimits', gate[1])) or false
    gateLimits[gate[1]] = set
  end
  return set or gate[2]
end

local function heldAt(key)
  if not gateHeld[key] then gateHeld[key] = redis.call('SCARD', G .. 'gate:' .. key) end
  return gateHeld[key]
end

local function isFull(gate) return heldAt(gate[1]) >= limitOf(gate) end

-- It passes its next gate.
local function takePermit(id, r)
  local gate = r.g[r.p + 1]
  gateHeld[gate[1]] = heldAt(gate[1]) + redis.call('SADD', G .. 'gate:' .. gate[1], id)
  if gate[3] == 3 then redis.call('ZADD', G .. 'gateheld:' .. gate[1], nextPlace(), id) end
  r.p = r.p + 1
end

-- It does not wait any more.
local function forsakeGate(id)
  local r = readGates(id)
  local waits = r and r.g[r.p + 1]
  if waits then redis.call('ZREM', G .. 'gateline:' .. waits[1], id) end
end

local function forgetLater(q, m)
  if isGated(m.line) then forsakeGate(m.id) end
  redis.call('ZREM', q.T .. 'delayed', m.member)
  redis.call('HDEL', q.T .. 'later', m.id)
end

-- Cancels a message for another: whoever claims it next settles it; what waits for its time or at a gate goes
-- to its line at once, whatever its gates say, and a holder is told.
local function supersede(q, id, reason)
  redis.call('HSETNX', G .. 'cancel', id, reason)
  local m = later(q, id)
  if not m then
    redis.call('PUBLISH', G .. 'cancels', id .. '\\n' .. reason)
    return
  end
  forgetLater(q, m)
  redis.call('HSET', G .. 'ids', id, 'q|' .. m.line .. '|' .. add(q, m) .. '|' .. q.name)
end

-- Cancels the oldest at a gate, until no more are left than may pass with the one that comes.
local function makePlace(gate, by)
  local holders, line = G .. 'gateheld:' .. gate[1], G .. 'gateline:' .. gate[1]
  local reason = 'superseded by ' .. by .. ": the limit '" .. gate[1] .. "' is full"
  while redis.call('ZCARD', holders) + redis.call('ZCARD', line) >= limitOf(gate) do
    local id = redis.call('ZPOPMIN', holders)[1] or redis.call('ZPOPMIN', line)[1]
    if not id then return end
    local r = readGates(id)
    if r then supersede({ S = r.s, T = r.t, name = r.n }, id, reason) end
  end
end

-- Puts a message in the line of a gate. By priority, and at its first gate by its place, at a later one as it
-- comes; where the order is kept by place alone; where the oldest is cancelled as they come.
local function standInLine(q, m, r, clock)
  local gate = r.g[r.p + 1]
  local rank = gate[3] == 0 and 9 - (string.byte(m.line) - 65) or 0
  local order = (gate[3] == 1 or (gate[3] == 0 and r.p == 0)) and r.o or nextPlace()
  redis.call('ZADD', G .. 'gateline:' .. gate[1], whole(rank * perRank + order), m.id)
  gateAlone[gate[1]] = nil
  local flags = (m.writeId and 'i' or '-') .. (m.retried and 'r' or '-')
  if m.enqueued == '' then m.enqueued = whole(clock) end
  redis.call('HSET', q.T .. 'later', m.id, table.concat({ m.line, flags, m.expires, m.enqueued, '', m.body }, '|'))
  redis.call('HSET', G .. 'ids', m.id, 'd|' .. q.name)
end

-- Takes a message as far as it comes: into its line, or where it waits. What is dropped goes to its line too,
-- noted as cancelled.
local function goThrough(q, m, r, clock)
  r.s, r.t, r.n = q.S, q.T, q.name
  while r.p < #r.g do
    local gate = r.g[r.p + 1]
    if gate[3] == 3 then m.indexed = true end
    if isFull(gate) then
      if gate[3] == 2 then
        redis.call('HSETNX', G .. 'cancel', m.id, "dropped: the limit '" .. gate[1] .. "' is full")
        m.dropped, m.indexed = r.p + 1, true
        break
      end
      if gate[3] == 3 then makePlace(gate, m.id) end
      standInLine(q, m, r, clock)
      return writeGates(m.id, r)
    end
    takePermit(m.id, r)
  end
  writeGates(m.id, r)
  local entry = add(q, m)
  if m.indexed then redis.call('HSET', G .. 'ids', m.id, 'q|' .. m.line .. '|' .. entry .. '|' .. q.name) end
end

-- A message is stored: it has passed none of its gates.
local function newGates(m)
  return { p = 0, o = nextPlace(), text = m.gates, g = listOf(m.gates) }
end

-- A message comes to its gates: for the first time, or again.
local function enterGates(q, m, clock)
  goThrough(q, m, m.gates and newGates(m) or readGates(m.id) or { p = 0, o = 0, text = '[]', g = {} }, clock)
end

-- One that was stored for later comes to its gates when its time has come.
local function noteGates(q, m)
  local r = newGates(m)
  r.s, r.t, r.n = q.S, q.T, q.name
  writeGates(m.id, r)
end

local function wakeGate(key, clock)
  while not gateAlone[key] do
    local id = redis.call('ZRANGE', G .. 'gateline:' .. key, 0, 0)[1]
    if not id then
      gateAlone[key] = true
      return
    end
    local r = readGates(id)
    if r and isFull(r.g[r.p + 1]) then return end
    redis.call('ZREM', G .. 'gateline:' .. key, id)
    if r then
      takePermit(id, r)
      local q = { S = r.s, T = r.t, name = r.n }
      local m = later(q, id)
      redis.call('HDEL', q.T .. 'later', id)
      if m then goThrough(q, m, r, clock) else writeGates(id, r) end
    end
  end
end

-- A message ends, or waits for its retry: it gives back what it has passed, but for what is kept over a retry.
local function leaveGates(id, r, retries, clock)
  local kept, passed = 0, r.p
  if retries then for _, gate in ipairs(r.g) do kept = kept + (gate[3] > 0 and 1 or 0) end end
  local waits = r.g[passed + 1]
  if waits then redis.call('ZREM', G .. 'gateline:' .. waits[1], id) end
  r.p = math.min(kept, passed)
  if retries then writeGates(id, r) else redis.call('HDEL', G .. 'gates', id) end
  -- The last first: who waited there goes before those who only now come to it.
  for i = passed, kept + 1, -1 do
    local key = r.g[i][1]
    gateHeld[key] = heldAt(key) - redis.call('SREM', G .. 'gate:' .. key, id)
    if r.g[i][3] == 3 then redis.call('ZREM', G .. 'gateheld:' .. key, id) end
    wakeGate(key, clock)
  end
end

-- Many messages end at once: what they held is given back together, gate by gate, the last first.
local function leaveTogether(ids, clock)
  local keys, byKey, depth = {}, {}, {}
  for from = 1, #ids, 1000 do
    local to = math.min(from + 999, #ids)
    for i, packed in ipairs(redis.call('HMGET', G .. 'gates', unpack(ids, from, to))) do
      if packed then
        local id = ids[from + i - 1]
        local p, _, _, _, _, text = cmsgpack.unpack(packed)
        local list = listOf(text)
        for g = 1, p do
          local key = list[g][1]
          if not byKey[key] then
            keys[#keys + 1], byKey[key], depth[key] = key, {}, g
          end
          byKey[key][#byKey[key] + 1] = id
          if g > depth[key] then depth[key] = g end
          if list[g][3] == 3 then redis.call('ZREM', G .. 'gateheld:' .. key, id) end
        end
      end
    end
  end
  chunked('HDEL', G .. 'gates', {}, ids)
  for _, key in ipairs(keys) do
    gateHeld[key] = heldAt(key) - chunked('SREM', G .. 'gate:' .. key, {}, byKey[key])
  end
  table.sort(keys, function(a, b) return depth[a] > depth[b] or (depth[a] == depth[b] and a < b) end)
  for _, key in ipairs(keys) do wakeGate(key, clock) end
end
--] lazyGates
`
