import { RedisScript } from './redis-script.ts'

/**
 * Holds of a key are fields of one hash: holder → 'end fence', the end by the time of Redis. The hash
 * lives as long as its longest hold.
 */
const prelude = `
local G = ARGV[1]
local key, holder = G .. 'lock:' .. ARGV[4], ARGV[5]
local t = redis.call('TIME')
local clock = t[1] * 1000 + math.floor(t[2] / 1000)
local function whole(n) return string.format('%.0f', n) end
local function read(text)
  local e, fence = string.match(text or '', '^(%d+) (%d+)$')
  if e and tonumber(e) > clock then return fence end
end
local function write(fence, ms)
  redis.call('HSET', key, holder, whole(clock + ms) .. ' ' .. fence)
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, whole(ms)) end
end
`

/** in: G, R, group, key, holder, limit, milliseconds · out: the fence, or '' */
export const acquireScript: RedisScript = new RedisScript(
  'acquire',
  `${prelude}
local limit, ms = tonumber(ARGV[6]), tonumber(ARGV[7])
local fence = read(redis.call('HGET', key, holder))
if not fence then
  local held, all = 0, redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if read(all[i + 1]) then held = held + 1 else redis.call('HDEL', key, all[i]) end
  end
  if held >= limit then return '' end
  fence = whole(redis.call('INCR', G .. 'fence'))
end
write(fence, ms)
return fence
`,
)

/** in: G, R, group, key, holder, milliseconds · out: 1 when it was held */
export const renewScript: RedisScript = new RedisScript(
  'renew',
  `${prelude}
local fence = read(redis.call('HGET', key, holder))
if not fence then return 0 end
write(fence, tonumber(ARGV[6]))
return 1
`,
)

/** Tells those who wait for the key. in: G, R, group, key, holder · out: 1 when it was held */
export const freeScript: RedisScript = new RedisScript(
  'free',
  `${prelude}
local fence = read(redis.call('HGET', key, holder))
redis.call('HDEL', key, holder)
if fence then redis.call('PUBLISH', G .. 'freed', ARGV[4]) end
return fence and 1 or 0
`,
)
