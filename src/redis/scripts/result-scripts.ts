import { prelude } from './prelude.ts'
import { RedisScript } from './redis-script.ts'

/** Saves results; the first of an id stays. in: G, R, group · id, milliseconds, body of each · out: what is stored of each */
export const saveScript: RedisScript = new RedisScript(
  'save',
  `${prelude}
local answer, told, bodies = {}, {}, {}
for i = 1, number() do
  local id, ttl, body = arg(), arg(), arg()
  if redis.call('SET', R .. id, body, 'PX', ttl, 'NX') then
    answer[i] = 1
    told[#told + 1], bodies[#bodies + 1] = id, body
  else answer[i] = 0 end
end
tellWaiters(told, bodies)
return answer
`,
)

/**
 * Looks for results that are awaited, and notes the channel of those that are not there, so that whoever
 * stores one tells it.
 *
 * in: G, R, group · channel, milliseconds for which it is noted, ids · out: the body of each that is there
 */
export const awaitScript: RedisScript = new RedisScript(
  'await',
  `
local G, R, channel, keep = ARGV[1], ARGV[2], ARGV[4], ARGV[5]
local answer, noted = {}, false
for i = 1, tonumber(ARGV[6]) do
  local id = ARGV[6 + i]
  answer[i] = redis.call('GET', R .. id)
  if not answer[i] then
    local key = G .. 'wait:' .. id
    local found = redis.call('GET', key)
    if not found then redis.call('SET', key, channel, 'PX', keep)
    elseif string.find(found, channel, 1, true) then redis.call('PEXPIRE', key, keep)
    else redis.call('SET', key, found .. ' ' .. channel, 'PX', keep) end
    noted = true
  end
end
if noted then redis.call('SET', G .. 'waiting', '1', 'PX', keep) end
return answer
`,
)

/**
 * Saves the progress of a task, where the claim is still ours.
 *
 * in: G, R, group · consumers · queue · line, entry, count, id, milliseconds, body · out: 1, or 0 and nothing written
 */
export const progressScript: RedisScript = new RedisScript(
  'progress',
  `${prelude}
local consumers = readConsumers()
local q = readQueues()[1]
local line, entry, count, id, ttl, body = arg(), arg(), number(), arg(), arg(), arg()
if heldBy(consumers, streamOf(q, line), entry, entry)[entry] ~= count then return 0 end
redis.call('SET', R .. id .. '__progress', body, 'PX', ttl)
return 1
`,
)
