import { prelude } from './prelude.ts'
import { RedisScript } from './redis-script.ts'

/**
 * Counts the messages of queues by state. in: G, R, group · queues · out: for each queued, scheduled,
 * running, dead, cap ('' where there is none)
 */
export const countScript: RedisScript = new RedisScript(
  'count',
  `${prelude}
local answer = {}
local clock = now()
for i, q in ipairs(readQueues()) do
  local due = redis.call('ZCOUNT', q.T .. 'delayed', '-inf', whole(clock))
  local delayed = redis.call('ZCARD', q.T .. 'delayed')
  -- What waits at a gate is kept as what is scheduled, without a time.
  local queued, scheduled, running = due + redis.call('HLEN', q.T .. 'later') - delayed, delayed - due, 0
  for _, line in ipairs(linesOf(q)) do
    local stream = streamOf(q, line)
    local pending, held, released = redis.pcall('XPENDING', stream, group), 0, 0
    if not pending.err then
      held = pending[1]
      for _, c in ipairs(pending[4] or {}) do if c[1] == 'tw:released' then released = tonumber(c[2]) end end
    end
    running = running + held - released
    queued = queued + released
    queued = queued + unread(stream, held)
  end
  answer[i] = { queued, scheduled, running, redis.call('XLEN', q.T .. 'dead'), redis.call('HGET', G .. 'caps', q.name) or '' }
end
return answer
`,
)

/**
 * The states of ids. in: G, R, group · queues · ids, each with where a search
 * found it (line|entry|queue, or '') · out: a state for each, or ''; `again` where a queue is missing
 */
export const stateScript: RedisScript = new RedisScript(
  'state',
  `${prelude}
local byName = {}
for _, q in ipairs(readQueues()) do byName[q.name] = q end
local clock = now()
local answer = {}
for i = 1, number() do
  local id, found = arg(), arg()
  local place = redis.call('HGET', G .. 'ids', id)
  if not place then place = found ~= '' and 'q|' .. found or '' end
  local kind = string.sub(place, 1, 1)
  local state = ''
  if kind == 'd' or kind == 'x' then
    local name = string.sub(place, 3)
    local q = byName[name]
    if not q then state = 'again ' .. name
    elseif kind == 'd' then
      local m = later(q, id)
      if m then
        local due = m.member == '' and 0 or tonumber(redis.call('ZSCORE', q.T .. 'delayed', m.member))
        state = due <= clock and 'queued' or (m.retried and 'retrying' or 'scheduled')
      end
    else
      local entry = redis.call('HGET', q.T .. 'dead:ids', id)
      local letter = entry and redis.call('XRANGE', q.T .. 'dead', entry, entry)[1]
      if letter then state = field(letter[2], 'reason') == 'failed' and 'failed' or 'dead' end
    end
  elseif kind == 'q' then
    local line, entry, name = string.match(place, '^q|(%w)|([^|]*)|(.*)$')
    local q = byName[name]
    if not q then state = 'again ' .. name
    else
      local stream = streamOf(q, line)
      local was = stored(stream, line, entry)
      if was.found and (idOf(was.fields) or id) == id then
        local pending = redis.pcall('XPENDING', stream, group, entry, entry, 1)
        local held = not pending.err and pending[1]
        if held then state = held[2] == 'tw:released' and 'queued' or 'running'
        elseif before(handedOut(stream), entry) then state = 'queued' end
      end
    end
  end
  answer[i] = state
end
return answer
`,
)
