import { prelude } from './prelude.ts'
import { uniqueLua } from './unique-lua.ts'
import { waitingLua } from './waiting-lua.ts'
import { RedisScript } from './redis-script.ts'

/** What the two scripts that send differ in. */
interface Variant {
  /** Definitions, and what is read of each message beyond the common. */
  readonly more: string
  readonly readMore: string
  /** Stores a message and writes its answer. */
  readonly store: string
  /** Stands between two answers. */
  readonly between: string
}

const source = ({ more, readMore, store, between }: Variant): string => `${prelude}
${more}local producer, sequence, keep = arg(), arg(), arg()
if producer ~= '' then
  local last = redis.call('GET', producer)
  if last then
    local number, answer = string.match(last, '^(%d+) (.*)$')
    if number == sequence then return answer end
  end
end
local queues = readQueues()
local count = number()
local messages, seen, fresh = {}, {}, {}
for i = 1, count do
  local m = { q = queues[number()], id = arg(), line = arg(), how = arg(), body = arg(), expires = arg(), when = arg(), enqueued = '', priority = '' }
${readMore}  m.writeId = string.find(m.how, 'i', 1, true) ~= nil
  m.indexed = string.find(m.how, 'f', 1, true) == nil
  if m.indexed then
    m.known = seen[m.id] or known(m.id)
    seen[m.id] = true
  end
  if not m.known then fresh[m.q.name] = (fresh[m.q.name] or 0) + 1 end
  messages[i] = m
end

${waitingLua}for _, q in ipairs(queues) do
  local cap = redis.call('HGET', G .. 'caps', q.name)
  if cap and fresh[q.name] and waitingIn(q) + fresh[q.name] > tonumber(cap) then
    return redis.error_reply('FULL ' .. cap .. ' ' .. q.name)
  end
end

local clock = now()
local answer = {}
for i, m in ipairs(messages) do
  if m.known then answer[i] = '0'
  else
    local due = clock
    if m.when ~= '' then
      due = tonumber(m.when)
      if string.find(m.how, 't', 1, true) == nil then due = due + clock end
    end
    ${store}
  end
end
for _, q in ipairs(queues) do redis.call('SADD', G .. 'queues', q.name) end
local told = table.concat(answer, '${between}')
if producer ~= '' then redis.call('SET', producer, sequence .. ' ' .. told, 'PX', keep) end
return told
`

/**
 * Stores messages: all of them, or an error and none.
 *
 * in: G, R, group · key of the producer, its sequence number, milliseconds to keep it · queues (S, T,
 * name) · messages: queue, id, line, how (`f`: the id was drawn for it; `i`: the id is not in the body;
 * `t`: `when` is a moment, else a span), body, expires, when
 *
 * out: one digit for each: 1 stored, 0 known. `FULL` as an error with queue and cap.
 *
 * A call with the number of the last one is its repetition: it has the answer of the first.
 */
export const sendScript: RedisScript = new RedisScript(
  'send',
  source({
    more: '',
    readMore: '',
    store: "place(m.q, m, due, clock) answer[i] = '1'",
    between: '',
  }),
)

/**
 * The same for messages of which some have a unique key: each is followed by key ('' for none), while
 * ('q', 'r' or 'w'), window, 'k' or 'r' (keep, replace), and within ('' for none).
 *
 * out: for each 1, 0, 'k' and the id that was kept, 'r' and the id that was replaced, or 'd' and the how-manieth
 * gate was full for which it was dropped; spaces between.
 */
export const sendUniqueScript: RedisScript = new RedisScript(
  'send-unique',
  source({
    more: uniqueLua,
    readMore: "if string.find(m.how, 'g', 1, true) then m.gates = arg() end readUnique(m)\n",
    store: 'answer[i] = storeUnique(m, due, clock)',
    between: ' ',
  }),
)
