/**
 * Unique keys, in Lua. Who took a key last is kept in one hash, `G uniq`: since|until|S|T|queue|id. Whether
 * he still has it is asked of his message, so nothing is to be freed when a message ends. `G uniq:look`
 * (key → when to look next) lets each sender forget a few that nobody needs.
 */
export const uniqueLua = `
local lookEvery = 600000
local function readUnique(m)
  local u = { key = arg(), during = arg(), window = number(), conflict = arg(), within = arg() }
  if u.key ~= '' then m.unique = u end
end

local function takenBy(key)
  local text = redis.call('HGET', G .. 'uniq', key)
  if not text then return nil end
  local since, ends, S, T, name, id = string.match(text, '^(%d+)|(%d+)|([^|]*)|([^|]*)|([^|]*)|(.*)$')
  return { since = tonumber(since), ends = tonumber(ends), q = { S = S, T = T, name = name }, id = id }
end

-- Where the message of a holder is: 'waiting', 'running', or nil when it has ended or was cancelled.
local function whereabouts(t)
  local place = redis.call('HGET', G .. 'ids', t.id)
  if not place or string.sub(place, 1, 1) == 'x' then return nil end
  if redis.call('HEXISTS', G .. 'cancel', t.id) == 1 then return nil end
  if string.sub(place, 1, 1) == 'd' then return 'waiting' end
  local line, entry, name = string.match(place, '^q|(%w)|([^|]*)|(.*)$')
  -- Forwarded to a queue whose keys are not known here: it is somewhere.
  if name ~= t.q.name then return 'waiting' end
  local stream = streamOf(t.q, line)
  if #redis.call('XRANGE', stream, entry, entry) == 0 then return nil end
  local pending = redis.pcall('XPENDING', stream, group, entry, entry, 1)
  local held = not pending.err and pending[1]
  if held then return held[2] == 'tw:released' and 'waiting' or 'running' end
  -- Python leaves what it has acknowledged in the stream.
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  if not groups.err then
    for _, g in ipairs(groups) do
      local info = {}
      for j = 1, #g, 2 do info[g[j]] = g[j + 1] end
      if info['name'] == group and not before(info['last-delivered-id'], entry) then return nil end
    end
  end
  return 'waiting'
end

local function holds(t, u, clock)
  if u.during == 'w' then return t.ends > clock end
  local where = whereabouts(t)
  return where == 'waiting' or (where == 'running' and u.during == 'r')
end

local function forgetSome(clock)
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', G .. 'uniq:look', '-inf', whole(clock), 'LIMIT', 0, 3)) do
    local t = takenBy(key)
    if not t or (t.ends <= clock and not redis.call('HGET', G .. 'ids', t.id)) then
      redis.call('HDEL', G .. 'uniq', key)
      redis.call('ZREM', G .. 'uniq:look', key)
    else redis.call('ZADD', G .. 'uniq:look', whole(clock + lookEvery), key) end
  end
end

local function storeUnique(m, due, clock)
  local u = m.unique
  if not u then
    place(m.q, m, due, clock)
    return m.dropped and 'd' .. m.dropped or '1'
  end
  forgetSome(clock)
  local t = takenBy(u.key)
  if t and not holds(t, u, clock) then t = nil end
  if t and u.conflict == 'k' then return 'k' .. t.id end
  local since = t and t.since or clock
  if u.within ~= '' then due = math.min(due, since + tonumber(u.within)) end
  local ends = u.window > 0 and clock + u.window or 0
  m.indexed = true
  place(m.q, m, due, clock)
  redis.call('HSET', G .. 'uniq', u.key, table.concat({ whole(since), whole(ends), m.q.S, m.q.T, m.q.name, m.id }, '|'))
  redis.call('ZADD', G .. 'uniq:look', whole(clock + lookEvery), u.key)
  if not t then return m.dropped and 'd' .. m.dropped or '1' end
  if redis.call('HEXISTS', G .. 'ids', t.id) == 1 then supersede(t.q, t.id, 'replaced by ' .. m.id) end
  return 'r' .. t.id
end
`
