import { prelude } from './prelude.ts'
import { RedisScript } from './redis-script.ts'

/**
 * Cancels messages whose place is known (from the index, or found by a search): what waits goes to the
 * canceller, by way of a line of its own, since a stream hands out nothing but its next entry.
 *
 * in: G, R, group · the canceller's consumer, reason, foreign milliseconds · ids, each with where it was
 * found: '' (only the index knows), or line|entry|queue · queues (S, T, name) of all places
 *
 * out: for each '' (unknown), 'running', or a chunk as of a claim, whose first member is the name of the
 * queue.
 */
export const cancelScript: RedisScript = new RedisScript(
  'cancel',
  `${prelude}
local me, reason, foreign = arg(), arg(), number()
local wanted = {}
for i = 1, number() do wanted[i] = { id = arg(), place = arg() } end
local byName = {}
for _, q in ipairs(readQueues()) do byName[q.name] = q end
local clock = now()

local function flag(id)
  redis.call('HSETNX', G .. 'cancel', id, reason)
  return redis.call('HGET', G .. 'cancel', id)
end

-- Into the line of what is being cancelled, and out of it into our hands.
local function take(q, m, losses)
  m.line = 'c'
  openLine(q, 'c')
  local stream = streamOf(q, 'c')
  local entry = add(q, m)
  redis.call('HSET', G .. 'ids', m.id, 'q|c|' .. entry .. '|' .. q.name)
  local answer = redis.call('XREADGROUP', 'GROUP', group, me, 'COUNT', 1, 'STREAMS', stream, '>')
  return { q.name, 'c', answer[1][2], { 1 }, { losses }, { flag(m.id) } }
end

local function cancelAt(id, line, entry, q)
  local stream = streamOf(q, line)
  local was = stored(stream, line, entry)
  if not was.found or (idOf(was.fields) or id) ~= id then return '' end
  local pending = redis.pcall('XPENDING', stream, group, entry, entry, 1)
  local held = not pending.err and pending[1]
  if not held then
    if not before(handedOut(stream), entry) then return '' end
    redis.call('XDEL', stream, entry)
    return take(q, { id = id, body = was.body, writeId = was.writeId, expires = was.expires, enqueued = was.enqueued, priority = was.line }, 0)
  end
  local count, back = held[4], tonumber(redis.call('HGET', q.T .. 'back', line .. '|' .. entry) or 0)
  local lease = tonumber(string.match(held[2], '^tw:.*:(%d+)$') or '') or foreign
  -- A holder whose lease has ended may be dead: nobody would ever settle for him.
  if held[2] == 'tw:released' or held[3] >= lease then
    local answer = redis.call('XCLAIM', stream, group, me, 0, entry)
    return { q.name, line, answer, { count + 1 }, { count - back }, { flag(id) } }
  end
  redis.call('PUBLISH', G .. 'cancels', id .. '\\n' .. flag(id))
  return 'running'
end

local answer = {}
for i, w in ipairs(wanted) do
  local place = redis.call('HGET', G .. 'ids', w.id)
  if not place then place = w.place ~= '' and 'q|' .. w.place or '' end
  local kind = string.sub(place, 1, 1)
  answer[i] = ''
  if kind == 'd' then
    local q = byName[string.sub(place, 3)]
    local m = q and later(q, w.id)
    if m then
      forgetLater(q, m)
      m.priority = m.line
      answer[i] = take(q, m, 0)
    elseif not q then answer[i] = 'again ' .. string.sub(place, 3) end
  elseif kind == 'q' then
    local line, entry, name = string.match(place, '^q|(%w)|([^|]*)|(.*)$')
    if byName[name] then answer[i] = cancelAt(w.id, line, entry, byName[name])
    else answer[i] = 'again ' .. name end
  end
end
return answer
`,
)
