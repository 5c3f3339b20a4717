/**
 * Gates, in Lua: limits over all processes, held by messages.
 *
 * `G gates` (id → JSON) has for each message with gates where it is (s, t, n), its gates (g: key, limit,
 * kept), how many it has passed (p) and its place (o). `G gate:<key>` is the set of ids that have passed
 * the gate of a key, `G gateline:<key>` those that wait there, `G gatelimits` the limits set at run time.
 * What waits is kept as what is scheduled, without a time. Part of the prelude.
 */
export const gateLua = `
local perRank = 17592186044416

local function readGates(id)
  local text = redis.call('HGET', G .. 'gates', id)
  return text and cjson.decode(text)
end

local function writeGates(id, r) redis.call('HSET', G .. 'gates', id, cjson.encode(r)) end

-- A message with gates is stored: it has passed none.
local function noteGates(m)
  local order = redis.call('INCR', G .. 'gateseq')
  writeGates(m.id, { p = 0, o = order, g = cjson.decode(m.gates) })
  m.gates = nil
end

local function isFull(gate)
  local limit = redis.call('HGET', G .. 'gatelimits', gate[1]) or gate[2]
  return redis.call('SCARD', G .. 'gate:' .. gate[1]) >= tonumber(limit)
end

-- Takes a message as far as it comes: into its line, or where it waits.
local function enterGates(q, m, clock)
  local r = readGates(m.id) or { p = 0, o = 0, g = {} }
  r.s, r.t, r.n = q.S, q.T, q.name
  while r.p < #r.g do
    local gate = r.g[r.p + 1]
    if isFull(gate) then
      -- By priority, and at its first gate by its place, at a later one as it comes; where the order is kept by place alone.
      local rank = gate[3] == 1 and 0 or 9 - (string.byte(m.line) - 65)
      local order = (gate[3] == 1 or r.p == 0) and r.o or redis.call('INCR', G .. 'gateseq')
      redis.call('ZADD', G .. 'gateline:' .. gate[1], whole(rank * perRank + order), m.id)
      local flags = (m.writeId and 'i' or '-') .. (m.retried and 'r' or '-')
      if m.enqueued == '' then m.enqueued = whole(clock) end
      redis.call('HSET', q.T .. 'later', m.id, table.concat({ m.line, flags, m.expires, m.enqueued, '', m.body }, '|'))
      redis.call('HSET', G .. 'ids', m.id, 'd|' .. q.name)
      return writeGates(m.id, r)
    end
    redis.call('SADD', G .. 'gate:' .. gate[1], m.id)
    r.p = r.p + 1
  end
  writeGates(m.id, r)
  redis.call('HSET', G .. 'ids', m.id, 'q|' .. m.line .. '|' .. add(q, m) .. '|' .. q.name)
end

-- It does not wait any more.
local function forsakeGate(id)
  local r = readGates(id)
  local waits = r and r.g[r.p + 1]
  if waits then redis.call('ZREM', G .. 'gateline:' .. waits[1], id) end
end

local function wakeGate(key, clock)
  while true do
    local id = redis.call('ZRANGE', G .. 'gateline:' .. key, 0, 0)[1]
    local r = id and readGates(id)
    if r and isFull(r.g[r.p + 1]) then return end
    if not id then return end
    redis.call('ZREM', G .. 'gateline:' .. key, id)
    if r then
      redis.call('SADD', G .. 'gate:' .. key, id)
      r.p = r.p + 1
      writeGates(id, r)
      local q = { S = r.s, T = r.t, name = r.n }
      local m = later(q, id)
      redis.call('HDEL', q.T .. 'later', id)
      if m then enterGates(q, m, clock) end
    end
  end
end

-- A message ends, or waits for its retry: it gives back what it has passed, but for what is kept over a retry.
local function leaveGates(id, retries, clock)
  local r = readGates(id)
  if not r then return end
  local kept = 0
  if retries then for _, gate in ipairs(r.g) do kept = kept + gate[3] end end
  forsakeGate(id)
  local passed = r.p
  r.p = math.min(kept, passed)
  if retries then writeGates(id, r) else redis.call('HDEL', G .. 'gates', id) end
  -- The last first: who waited there goes before those who only now come to it.
  for i = passed, kept + 1, -1 do
    redis.call('SREM', G .. 'gate:' .. r.g[i][1], id)
    wakeGate(r.g[i][1], clock)
  end
end
`
