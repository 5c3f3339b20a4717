import { prelude } from './prelude.ts'
import { RedisScript } from './redis-script.ts'

/** Sets limits of gates, and lets through who may pass by that. in: G, R, group · keys, each with its limit or '' */
export const gateLimitScript: RedisScript = new RedisScript(
  'gate-limits',
  `${prelude}
for i = 1, number() do
  local key, limit = arg(), arg()
  if limit == '' then redis.call('HDEL', G .. 'gatelimits', key)
  else redis.call('HSET', G .. 'gatelimits', key, limit) end
  gateLimits, anyLimit = {}, nil
  wakeGate(key, now())
end
`,
)
