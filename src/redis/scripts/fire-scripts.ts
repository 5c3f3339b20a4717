import { prelude } from './prelude.ts'
import { RedisScript } from './redis-script.ts'
import { uniqueLua } from './unique-lua.ts'
import { waitingLua } from './waiting-lua.ts'

/**
 * Plans' fires: one hash `G sched`, id → print|mark|anchor|last|waiting|fired|missed|skipped|paused|lag|until|
 * message ('' for none; `until`: the plan is gone, and when this may be dropped; those in `G sched:gone` by that
 * time). The rules are those of `core/fire-decision.ts`.
 */
const states = `${prelude}
local names = { 'print', 'mark', 'anchor', 'last', 'waiting', 'fired', 'missed', 'skipped', 'paused', 'lag', 'till', 'message' }
local function readState(id)
  local text = redis.call('HGET', G .. 'sched', id)
  if not text then return nil end
  local s, i = { text = text }, 1
  for part in string.gmatch(text .. '|', '([^|]*)|') do s[names[i]] = part; i = i + 1 end
  return s
end
local function writeState(id, s)
  local parts = {}
  for i, name in ipairs(names) do parts[i] = s[name] end
  s.text = table.concat(parts, '|')
  redis.call('HSET', G .. 'sched', id, s.text)
end
local function plus(text, n) return whole(tonumber(text) + n) end
`

/** in: …, plans: id, print, mark, anchor · out: their states. */
export const adoptScript: RedisScript = new RedisScript(
  'adopt',
  `${states}
local clock = now()
local gone = redis.call('ZRANGEBYSCORE', G .. 'sched:gone', '-inf', whole(clock), 'LIMIT', 0, 100)
for _, id in ipairs(gone) do
  redis.call('HDEL', G .. 'sched', id)
  redis.call('ZREM', G .. 'sched:gone', id)
end
local answer = {}
for i = 1, number() do
  local id, print, mark, anchor = arg(), arg(), arg(), arg()
  local s = readState(id)
  if not s or s.print ~= print or s.till ~= '' then
    if not s then
      s = { last = '', fired = '0', missed = '0', skipped = '0', paused = '0', lag = '0', message = '' }
    else
      if s.print == print then mark = whole(math.max(tonumber(s.mark), tonumber(mark))) end
      if s.till ~= '' then redis.call('ZREM', G .. 'sched:gone', id) end
    end
    s.print, s.mark, s.anchor, s.waiting, s.till = print, mark, anchor, '', ''
    writeState(id, s)
  end
  answer[i] = s.text
end
return answer
`,
)

/**
 * in: …, queues · fires: id, slot, missed, limit ('' for none), overlap ('', s or q), r or '' (release), queue (0:
 * no message), and of a message id, line, how, body, expires, when (a span), gates where `how` says so, and its
 * unique key as `sendUniqueScript` has it
 *
 * out: an answer for each.
 */
export const fireScript: RedisScript = new RedisScript(
  'fire',
  `${states}${uniqueLua}${waitingLua}
local queues = readQueues()
local clock = now()
local used = {}
local function hasRoom(q)
  if q.cap == nil then q.cap = redis.call('HGET', G .. 'caps', q.name) end
  return not q.cap or waitingIn(q) < tonumber(q.cap)
end
-- The run that a message started (runOfMessage) is going.
local function runGoes(id)
  if #id ~= 32 or string.find(id, '[^0-9a-f]') then return false end
  local state = redis.call('HGET', G .. 'wf:' .. string.sub(id, 13), 'state')
  return state == 'running' or state == 'resuming'
end
local function decide(f)
  local s = readState(f.id)
  if not s or s.till ~= '' then return 'unknown' end
  local slot, missed = tonumber(f.slot), tonumber(f.missed)
  if f.release then
    if s.waiting ~= f.slot then return 'decided' end
  elseif slot <= tonumber(s.mark) then return 'decided'
  elseif slot > clock then return 'early' end
  local function mark(n)
    if f.release then s.waiting = '' else
      s.mark = f.slot
      s.missed = plus(s.missed, n)
    end
  end
  if s.paused == '1' then
    mark(0)
    s.skipped = plus(s.skipped, 1 + missed)
    writeState(f.id, s)
    return 'paused'
  end
  if f.limit ~= '' and tonumber(s.fired) >= tonumber(f.limit) then
    mark(missed)
    writeState(f.id, s)
    return 'ended'
  end
  if not f.m then
    mark(missed + 1)
    writeState(f.id, s)
    return 'passed'
  end
  if f.overlap ~= '' and s.message ~= '' and (whereabouts({ id = s.message, q = f.m.q }) or runGoes(s.message)) then
    if f.release then return 'waits' end
    mark(missed)
    if f.overlap == 'q' and s.waiting == '' then
      s.waiting = f.slot
      writeState(f.id, s)
      return 'waits'
    end
    s.skipped = plus(s.skipped, 1)
    writeState(f.id, s)
    return 'skipped'
  end
  if not hasRoom(f.m.q) then return 'full' end
  mark(missed)
  local answer = 'decided'
  if known(f.m.id) then s.last, s.message = f.slot, f.m.id
  else
    used[f.m.q.name] = true
    local status = storeUnique(f.m, clock + (tonumber(f.m.when) or 0), clock)
    if string.sub(status, 1, 1) == 'k' then
      answer = 'skipped'
      s.skipped = plus(s.skipped, 1)
    else
      answer = 'fired'
      s.last, s.message, s.fired, s.lag = f.slot, f.m.id, plus(s.fired, 1), whole(clock - slot)
    end
  end
  writeState(f.id, s)
  return answer
end
local answers = {}
for i = 1, number() do
  local f = { id = arg(), slot = arg(), missed = arg(), limit = arg(), overlap = arg(), release = arg() == 'r' }
  local q = number()
  if q > 0 then
    f.m = { q = queues[q], id = arg(), line = arg(), how = arg(), body = arg(), expires = arg(), when = arg(), enqueued = '', priority = '' }
    if string.find(f.m.how, 'g', 1, true) then f.m.gates = arg() end
    readUnique(f.m)
    f.m.writeId = string.find(f.m.how, 'i', 1, true) ~= nil
    f.m.indexed = true
  end
  answers[i] = decide(f)
end
for name in pairs(used) do redis.call('SADD', G .. 'queues', name) end
return answers
`,
)

/** in: …, 1 or 0 (paused), ids · out: those that are known. */
export const pauseScript: RedisScript = new RedisScript(
  'pause-plans',
  `${states}
local clock, paused, found = now(), arg(), {}
for i = 1, number() do
  local id = arg()
  local s = readState(id)
  if s and s.till == '' then
    found[#found + 1] = id
    if s.paused ~= paused then
      s.paused = paused
      if paused == '0' then s.mark = whole(math.max(tonumber(s.mark), clock)) end
      writeState(id, s)
    end
  end
end
return found
`,
)

/** in: …, milliseconds to remember them, ids. */
export const forgetScript: RedisScript = new RedisScript(
  'forget-plans',
  `${states}
local till = whole(now() + number())
for i = 1, number() do
  local id = arg()
  local s = readState(id)
  if s and s.till == '' then
    s.till, s.waiting = till, ''
    writeState(id, s)
    redis.call('ZADD', G .. 'sched:gone', till, id)
  end
end
return 0
`,
)

/**
 * Leaders: one hash `G sched:lead`, group → until|holder|report.
 * in: …, group, holder, lease ('' resigns), report · out: holder, until, report
 */
export const leadScript: RedisScript = new RedisScript(
  'lead',
  `${prelude}
local clock, group, holder, lease, report = now(), arg(), arg(), arg(), arg()
local text = redis.call('HGET', G .. 'sched:lead', group)
if text then
  local ends, who, told = string.match(text, '^(%d+)|([^|]*)|(.*)$')
  if lease == '' then
    if who == holder and tonumber(ends) > clock then
      redis.call('HSET', G .. 'sched:lead', group, whole(clock) .. '|' .. who .. '|' .. told)
    end
    return 0
  end
  if who ~= holder and tonumber(ends) > clock then return { who, ends, told } end
end
if lease == '' then return 0 end
local ends = whole(clock + tonumber(lease))
redis.call('HSET', G .. 'sched:lead', group, ends .. '|' .. holder .. '|' .. report)
return { holder, ends, report }
`,
)

/**
 * Plans: `G plans` id → text, `G plans:put` and `G plans:gone` id by the number of its last change,
 * `G plans:change` that number, `G plans:floor` up to which removals are forgotten.
 *
 * in: …, plans: id, text
 */
export const putPlansScript: RedisScript = new RedisScript(
  'put-plans',
  `${prelude}
for i = 1, number() do
  local id, text = arg(), arg()
  local change = redis.call('INCR', G .. 'plans:change')
  redis.call('HSET', G .. 'plans', id, text)
  redis.call('ZADD', G .. 'plans:put', change, id)
  redis.call('ZREM', G .. 'plans:gone', id)
end
return 0
`,
)

/** in: …, the most removals that are remembered, ids · out: those that were there. */
export const removePlansScript: RedisScript = new RedisScript(
  'remove-plans',
  `${prelude}
local most, removed = number(), {}
for i = 1, number() do
  local id = arg()
  if redis.call('HDEL', G .. 'plans', id) == 1 then
    removed[#removed + 1] = id
    redis.call('ZREM', G .. 'plans:put', id)
    redis.call('ZADD', G .. 'plans:gone', redis.call('INCR', G .. 'plans:change'), id)
  end
end
local old = redis.call('ZCARD', G .. 'plans:gone') - most
if old > 0 then
  local last = redis.call('ZRANGE', G .. 'plans:gone', old - 1, old - 1, 'WITHSCORES')
  redis.call('SET', G .. 'plans:floor', last[2])
  redis.call('ZREMRANGEBYRANK', G .. 'plans:gone', 0, old - 1)
end
return removed
`,
)
