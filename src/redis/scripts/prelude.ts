import { gateLua } from './gate-lua.ts'

/**
 * What the scripts share, in Lua.
 *
 * `q` is a queue: `q.S` its stream of the default priority, `q.T` what its other keys begin with,
 * `q.name`. `G` is what keys of no queue begin with. A line of a queue is one of its streams: '4' (the
 * default priority) is S itself, other priorities are `T p:<n>`, 'A' to 'J' are priorities 0 to 9 of messages
 * that have passed gates, and 'c' holds what is being cancelled.
 */
export const prelude: string = `
local G, R, group = ARGV[1], ARGV[2], ARGV[3]
local at = 4
local function arg() at = at + 1; return ARGV[at - 1] end
local function number() return tonumber(arg()) end
local function whole(n) return string.format('%.0f', n) end

local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function readQueues()
  local queues = {}
  for i = 1, number() do queues[i] = { S = arg(), T = arg(), name = arg() } end
  return queues
end

local function streamOf(q, line)
  if line == '4' then return q.S end
  return q.T .. 'p:' .. line
end

local function isGated(line)
  local b = string.byte(line)
  return b >= 65 and b <= 74
end

local function rankOf(line)
  local b = string.byte(line)
  if b >= 97 then return 99 end
  return b >= 65 and (b - 65) * 2 + 1 or (b - 48) * 2
end

-- All lines of a queue, best first: what is cancelled, then priorities from high to low.
local function linesOf(q)
  if q.lines == nil then
    local lines = redis.call('SMEMBERS', q.T .. 'lines')
    lines[#lines + 1] = '4'
    table.sort(lines, function(a, b) return rankOf(a) > rankOf(b) end)
    q.lines = lines
  end
  return q.lines
end

-- Entry ids are two numbers, and as texts in no order.
local function before(a, b)
  local a1, a2 = string.match(a, '^(%d+)-(%d+)$')
  local b1, b2 = string.match(b, '^(%d+)-(%d+)$')
  if a1 ~= b1 then return tonumber(a1) < tonumber(b1) end
  return tonumber(a2) < tonumber(b2)
end

-- The last entry that the group has handed out, and how many lie behind it where Redis knows.
-- Python never deletes what it has acknowledged: what lies before it and is not pending has ended.
local function handedOut(stream)
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  for _, g in ipairs(groups.err and {} or groups) do
    local info = {}
    for j = 1, #g, 2 do info[g[j]] = g[j + 1] end
    if info['name'] == group then return info['last-delivered-id'], info['lag'] end
  end
  return '0-0', nil
end

-- How many entries wait that were never handed out; 'held' are pending.
local function unread(stream, held)
  local _, lag = handedOut(stream)
  return lag or redis.call('XLEN', stream) - held
end

local function chunked(command, key, extra, list)
  local done = 0
  for i = 1, #list, 1000 do
    local call = { command, key }
    for _, e in ipairs(extra) do call[#call + 1] = e end
    for j = i, math.min(i + 999, #list) do call[#call + 1] = list[j] end
    local answer = redis.call(unpack(call))
    if type(answer) == 'number' then done = done + answer end
  end
  return done
end

-- A line is made at its first message, and its group with it, so that no message is before the group.
local function openLine(q, line)
  if line == '4' then return end
  if q.opened == nil then q.opened = {} end
  if q.opened[line] then return end
  q.opened[line] = true
  if redis.call('SADD', q.T .. 'lines', line) == 1 then
    redis.pcall('XGROUP', 'CREATE', streamOf(q, line), group, '0', 'MKSTREAM')
    q.lines = nil
    redis.call('PUBLISH', G .. 'wake', q.name)
  end
end

-- Adds an entry. m: id, line, body, writeId, expires, enqueued, priority (the last three may be ''); of a step of a workflow
-- that may start, perhaps: start (the take-back count and its source), input.
local function add(q, m)
  openLine(q, m.line)
  local call = { 'XADD', streamOf(q, m.line), '*', 'data', m.body }
  if m.writeId then call[#call + 1] = 'i'; call[#call + 1] = m.id end
  if m.expires ~= '' then call[#call + 1] = 'x'; call[#call + 1] = m.expires end
  if m.enqueued ~= '' then call[#call + 1] = 'e'; call[#call + 1] = m.enqueued end
  if m.priority ~= '' then call[#call + 1] = 'p'; call[#call + 1] = m.priority end
  if m.start then call[#call + 1] = 'w'; call[#call + 1] = m.start end
  if m.input then call[#call + 1] = 'v'; call[#call + 1] = m.input end
  return redis.call(unpack(call))
end

-- What was put away for later; nil when it is not there.
local function later(q, id)
  local packed = redis.call('HGET', q.T .. 'later', id)
  if not packed then return nil end
  local line, flags, expires, enqueued, member, body = string.match(packed, '^(%w)|(..)|(%d*)|(%d*)|([^|]*)|(.*)$')
  return { id = id, line = line, writeId = string.sub(flags, 1, 1) == 'i', retried = string.sub(flags, 2, 2) == 'r',
    expires = expires, enqueued = enqueued, priority = '', member = member, body = body, indexed = true }
end

${gateLua}
-- Puts a message where it waits, now or for later, and into the index of ids; its entry, where a read of the line brings it now.
local function place(q, m, due, clock)
  if due > clock then
    if m.gates then noteGates(q, m) end
    local member = string.format('%013.0f', redis.call('INCR', q.T .. 'seq')) .. ':' .. m.id
    redis.call('ZADD', q.T .. 'delayed', whole(due), member)
    local flags = (m.writeId and 'i' or '-') .. (m.retried and 'r' or '-')
    if m.enqueued == '' then m.enqueued = whole(clock) end
    redis.call('HSET', q.T .. 'later', m.id, table.concat({ m.line, flags, m.expires, m.enqueued, member, m.body }, '|'))
    redis.call('HSET', G .. 'ids', m.id, 'd|' .. q.name)
    if redis.call('ZRANGE', q.T .. 'delayed', 0, 0)[1] == member then redis.call('PUBLISH', G .. 'wake', q.name) end
  elseif isGated(m.line) then enterGates(q, m, clock)
  else
    local entry = add(q, m)
    if m.indexed then redis.call('HSET', G .. 'ids', m.id, 'q|' .. m.line .. '|' .. entry .. '|' .. q.name) end
    return entry
  end
end

-- How many of a queue one call moves: some 15 us each, and nobody else is served meanwhile.
local function dueShare(count) return math.max(10, math.floor(150 / count)) end

-- Moves what is due into its lines; with 'all', what is not due as well. How many were moved, and whether
-- one of them comes back (a retry).
local function moveDue(q, limit, clock, all)
  local members
  local again = false
  if all then members = redis.call('ZRANGE', q.T .. 'delayed', 0, limit - 1)
  else members = redis.call('ZRANGEBYSCORE', q.T .. 'delayed', '-inf', whole(clock), 'LIMIT', 0, limit) end
  for _, member in ipairs(members) do
    local m = later(q, string.sub(member, 15))
    if m then
      again = again or m.retried
      redis.call('HDEL', q.T .. 'later', m.id)
      place(q, m, 0, clock)
    end
  end
  if #members > 0 then chunked('ZREM', q.T .. 'delayed', {}, members) end
  return #members, again
end

-- Whether a message of this id is stored, dead, or has a result.
local function known(id)
  return redis.call('HEXISTS', G .. 'ids', id) == 1 or redis.call('EXISTS', R .. id) == 1
end

-- The id of an entry: in a field of its own, or where every TaskIQ message has it.
local function idOf(fields)
  local id, body
  for i = 1, #fields, 2 do
    if fields[i] == 'i' then id = fields[i + 1] elseif fields[i] == 'data' then body = fields[i + 1] end
  end
  return id or (body and string.match(body, '^{"task_id": ?"([%w_.:%-]+)"'))
end

local function field(fields, name)
  for i = 1, #fields, 2 do if fields[i] == name then return fields[i + 1] end end
  return ''
end

-- What an entry says: body, the line that it belongs to, and when it was first stored.
local function stored(stream, line, entry)
  local found = redis.call('XRANGE', stream, entry, entry)[1]
  local fields = found and found[2] or {}
  local enqueued, priority = field(fields, 'e'), field(fields, 'p')
  if enqueued == '' then enqueued = string.match(entry, '^%d+') end
  if priority == '' then priority = line end
  return { fields = fields, body = field(fields, 'data'), expires = field(fields, 'x'), enqueued = enqueued,
    line = priority, writeId = field(fields, 'i') ~= '', found = found ~= nil }
end

-- How often an entry was given back, which is forgotten with it.
local function takeBack(q, line, entry)
  if q.hasBack == nil then q.hasBack = redis.call('EXISTS', q.T .. 'back') == 1 end
  if not q.hasBack then return 0 end
  local key = line .. '|' .. entry
  local back = tonumber(redis.call('HGET', q.T .. 'back', key) or 0)
  if back > 0 then redis.call('HDEL', q.T .. 'back', key) end
  return back
end

-- The delivery counts of what 'consumers' (mine) hold of a stream, between two entry ids.
local function heldBy(consumers, stream, min, max)
  local held = {}
  for _, consumer in ipairs(consumers) do
    local from = min
    repeat
      local page = redis.pcall('XPENDING', stream, group, from, max, 1000, consumer)
      if page.err then
        if string.find(page.err, 'NOGROUP', 1, true) then page = {} else error(page.err) end
      end
      for _, e in ipairs(page) do held[e[1]] = e[4] end
      if #page > 0 then from = '(' .. page[#page][1] end
    until #page < 1000
  end
  return held
end

local function readConsumers()
  local consumers = {}
  for i = 1, number() do consumers[i] = arg() end
  return consumers
end

-- Tells whoever waits for results that they are there.
local function tellWaiters(ids, bodies)
  if #ids == 0 or redis.call('EXISTS', G .. 'waiting') == 0 then return end
  local keys = { 'MGET' }
  for i, id in ipairs(ids) do keys[i + 1] = G .. 'wait:' .. id end
  local channels = redis.call(unpack(keys))
  for i, found in ipairs(channels) do
    if found then
      for channel in string.gmatch(found, '%S+') do
        local body = bodies[i]
        if #body > 2048 then redis.call('PUBLISH', channel, ids[i]) else redis.call('PUBLISH', channel, ids[i] .. '\\n' .. body) end
      end
      redis.call('DEL', G .. 'wait:' .. ids[i])
    end
  end
end
`
