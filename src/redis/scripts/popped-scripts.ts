import { prelude } from './prelude.ts'
import { RedisScript } from './redis-script.ts'

/**
 * Sends as TaskIQ's list and pub/sub brokers do: all messages, or none.
 *
 * in: G, R, group · command (LPUSH, PUBLISH) · names and messages · out: for each how many are in the list,
 * or heard it
 */
export const pushScript: RedisScript = new RedisScript(
  'push',
  `${prelude}
local command = arg()
local answer = {}
for i = 1, number() do
  local name, body = arg(), arg()
  answer[i] = redis.call(command, name, body)
end
return answer
`,
)

/**
 * Takes messages out of a list, into the stream that we keep beside it. in: G, R, group · queues (one) · the
 * list, the most that are taken besides those that were taken already · out: how many wait in the stream
 */
export const takeScript: RedisScript = new RedisScript(
  'take',
  `${prelude}
local q = readQueues()[1]
local list, most = arg(), number()
local taken = q.T .. 'taken'
local function keep(body) redis.call('XADD', q.S, '*', 'data', body) end
local body = redis.call('RPOP', taken)
while body do
  keep(body)
  body = redis.call('RPOP', taken)
end
local pending = redis.pcall('XPENDING', q.S, group)
local waiting = unread(q.S, pending.err and 0 or pending[1])
while waiting < most do
  body = redis.call('RPOP', list)
  if not body then break end
  keep(body)
  waiting = waiting + 1
end
redis.call('SADD', G .. 'queues', q.name)
return waiting
`,
)

/**
 * Keeps messages that were heard, each id once: all who listen here hear all of them.
 *
 * in: G, R, group · queues (one) · milliseconds for which an id is known · id ('' where there is none) and
 * message of each
 */
export const hearScript: RedisScript = new RedisScript(
  'hear',
  `${prelude}
local q = readQueues()[1]
local known = arg()
for i = 1, number() do
  local id, body = arg(), arg()
  if id == '' or redis.call('SET', q.T .. 'heard:' .. id, '1', 'PX', known, 'NX') then
    redis.call('XADD', q.S, '*', 'data', body)
  end
end
redis.call('SADD', G .. 'queues', q.name)
return 1
`,
)
