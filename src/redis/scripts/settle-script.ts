import { prelude } from './prelude.ts'
import { RedisScript } from './redis-script.ts'
import { workflowLua } from './workflow-lua.ts'
import { workflowSettleLua } from './workflow-settle-lua.ts'

/**
 * Ends deliveries: whose they are is looked up first, then everything of those that are ours is written,
 * and the acknowledgement is the last.
 *
 * in: G, R, group · consumers of this instance · queues (S, T, name) · streams: queue, line, first and
 * last entry · settlements: stream, entry, count, code, id, and by the letters of the code
 * `R` (retry): queue, body, how, delay · `D` (dead): reason, detail · `r` (result): milliseconds to live,
 * body · `n` (node of a workflow): see wfPart, behind the follow-ups · `f` (follow-ups): how many, each queue, id, line, how, body, expires, when
 *
 * The first letter is the outcome: S succeeded, C cancelled, R retry, D set aside.
 *
 * and behind all: how many may be claimed; if any, for which consumer, and from which streams.
 *
 * out: one letter for each: s settled, g gone, t taken, c cancelled. Where something is left to do in runs, or messages
 * were claimed: that text, the runs, what was claimed (as XREADGROUP answers it) and the take-back count.
 */
export const settleScript: RedisScript = new RedisScript(
  'settle',
  `${prelude}${workflowLua}${workflowSettleLua}
local consumers = readConsumers()
local queues = readQueues()
local streams = {}
for i = 1, number() do
  local s = { q = queues[number()], line = arg(), min = arg(), max = arg(), done = {}, ended = {} }
  s.key = streamOf(s.q, s.line)
  s.held = heldBy(consumers, s.key, s.min, s.max)
  streams[i] = s
end
local function message()
  local m = { q = queues[number()], id = arg(), line = arg(), how = arg(), body = arg(), expires = arg(), when = arg(), enqueued = '', priority = '' }
  m.writeId = string.find(m.how, 'i', 1, true) ~= nil
  m.indexed = string.find(m.how, 'f', 1, true) == nil
  if string.find(m.how, 'g', 1, true) then m.gates = arg() end
  return m
end
local items = {}
for i = 1, number() do
  local e = { stream = streams[number()], entry = arg(), count = number(), code = arg(), id = arg() }
  local kind = string.sub(e.code, 1, 1)
  e.kind = kind
  if kind == 'R' then
    e.retry = { q = queues[number()], id = e.id, body = arg(), how = arg(), delay = number(), priority = '', retried = true, indexed = true }
    e.retry.writeId = string.find(e.retry.how, 'i', 1, true) ~= nil
  elseif kind == 'D' then
    e.dead = { reason = arg(), detail = arg() }
  end
  if string.find(e.code, 'r', 2, true) then e.ttl, e.result = arg(), arg() end
  if string.find(e.code, 'f', 2, true) then
    e.followUps = {}
    for j = 1, number() do e.followUps[j] = message() end
  end
  if string.find(e.code, 'n', 2, true) then e.node = wfPart() end
  items[i] = e
end

local room, me, open = number(), nil, {}
if room > 0 then
  me = arg()
  for i = 1, number() do open[arg()] = true end
end

local flagged = {}
local cancels = redis.call('EXISTS', G .. 'cancel') == 1
if cancels then
  local call = { 'HMGET', G .. 'cancel' }
  for i, e in ipairs(items) do call[i + 2] = e.id end
  flagged = redis.call(unpack(call))
end
local clock = now()
local answer, told, bodies = {}, {}, {}
local gone = {}
for i, e in ipairs(items) do
  local s = e.stream
  if s.held[e.entry] ~= e.count then
    if s.ended[e.entry] then answer[i] = s.ended[e.entry]
    elseif #redis.call('XRANGE', s.key, e.entry, e.entry) > 0 then answer[i] = 't'
    else
      local place = redis.call('HGET', G .. 'ids', e.id)
      answer[i] = place and string.sub(place, 1, 1) ~= 'x' and 't' or 'g'
    end
  elseif flagged[i] and e.kind ~= 'C' then answer[i] = 'c'
  elseif e.node and e.kind ~= 'C' and not e.node.guessed and wfRefused(e.node) then answer[i] = 'c'
  else
    answer[i] = 's'
    s.held[e.entry] = nil
    -- Settled twice in one call: as if the second came later.
    s.ended[e.entry] = e.kind == 'R' and 't' or 'g'
    s.done[#s.done + 1] = e.entry
    gone[#gone + 1] = e.id
    local q = s.q
    local back = e.count > 1 and takeBack(q, s.line, e.entry) or 0
    local gates = (isGated(s.line) or s.line == 'c') and readGates(e.id)
    if gates then leaveGates(e.id, gates, e.kind == 'R', clock) end
    if e.result and redis.call('SET', R .. e.id, e.result, 'PX', e.ttl, 'NX') then
      told[#told + 1], bodies[#bodies + 1] = e.id, e.result
    end
    if e.retry or e.dead then
      local was = stored(s.key, s.line, e.entry)
      if e.retry then
        e.retry.line, e.retry.expires, e.retry.enqueued = was.line, was.expires, was.enqueued
        place(e.retry.q, e.retry, clock + e.retry.delay, clock)
      else
        local entry = redis.call('XADD', q.T .. 'dead', '*', 'data', was.body, 'id', e.id, 'reason', e.dead.reason, 'detail', e.dead.detail,
          'line', was.line, 'lost', whole(e.count - 1 - back), 'enqueued', was.enqueued, 'at', whole(clock), 'gates', gates and gates.text or '')
        redis.call('HSET', q.T .. 'dead:ids', e.id, entry)
        redis.call('HSET', G .. 'ids', e.id, 'x|' .. q.name)
      end
      gone[#gone] = nil
    end
    for _, m in ipairs(e.followUps or {}) do
      if not (m.indexed and known(m.id)) then
        local due = clock
        if m.when ~= '' then
          due = tonumber(m.when)
          if string.find(m.how, 't', 1, true) == nil then due = due + clock end
        end
        place(m.q, m, due, clock)
        redis.call('SADD', G .. 'queues', m.q.name)
      end
    end
    if e.node and not wfRefused(e.node) then wfApply(e.node, e.node.value or e.result, clock) end
  end
end
if #gone > 0 then chunked('HDEL', G .. 'ids', {}, gone) end
if #flagged > 0 and #gone > 0 then chunked('HDEL', G .. 'cancel', {}, gone) end
for _, s in ipairs(streams) do
  if #s.done > 0 then
    chunked('XACK', s.key, { group }, s.done)
    chunked('XDEL', s.key, {}, s.done)
  end
end
tellWaiters(told, bodies)
wfSaveAll()
local letters, claimed, back = table.concat(answer), {}, ''
-- As many are claimed as were released, the first of their streams: nobody is overtaken. Of what is cancelled, a look tells.
if room > 0 and #wfReleased > 0 and not cancels and not wfDropped then
  local counts, streams = {}, {}
  for _, stream in ipairs(wfReleased) do
    if room > 0 and open[stream] then
      if not counts[stream] then streams[#streams + 1], counts[stream] = stream, 0 end
      counts[stream], room = counts[stream] + 1, room - 1
    end
  end
  for _, stream in ipairs(streams) do
    -- All is written: a stream of the wrong type fails nothing.
    local read = redis.pcall('XREADGROUP', 'GROUP', group, me, 'COUNT', counts[stream], 'STREAMS', stream, '>')
    if read and read[1] then claimed[#claimed + 1] = read[1] end
  end
  if #claimed > 0 then back = redis.call('GET', G .. 'wf:back') or '0' end
end
if #wfMore == 0 and #claimed == 0 then return letters end
return { letters, wfMore, claimed, back }
`,
)
