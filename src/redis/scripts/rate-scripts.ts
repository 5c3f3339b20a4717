import { RedisScript } from './redis-script.ts'

/**
 * A rate is a hash, `G rate:<key>`: the rule that was set (kind, limit, per, burst), and what the key has
 * come to (tat, window, used, until), by the time of Redis. A sliding one has its moments in a list beside it,
 * newest first. `core/rates.ts` says the same in TypeScript.
 */
const prelude = `
local key = ARGV[1] .. 'rate:' .. ARGV[4]
local t = redis.call('TIME')
local clock = t[1] * 1000 + t[2] / 1000
local function keep(ms)
  if redis.call('HEXISTS', key, 'kind') == 1 then redis.call('PERSIST', key)
  elseif redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, string.format('%.0f', ms)) end
end
`

/** in: G, R, group, key, kind, limit, per, burst, cost, most · out: 1 or 0, and milliseconds as a text ('' for never) */
export const takeRateScript: RedisScript = new RedisScript(
  'take-rate',
  `${prelude}
local set = redis.call('HMGET', key, 'kind', 'limit', 'per', 'burst', 'tat', 'window', 'used', 'until')
local kind, limit, per, burst = set[1] or ARGV[5], tonumber(set[2] or ARGV[6]), tonumber(set[3] or ARGV[7]), tonumber(set[4] or ARGV[8])
local cost, most = tonumber(ARGV[9]), tonumber(ARGV[10])
if cost > burst then return { 0, '' } end
local start = math.max(clock, tonumber(set[8] or 0))
local at, tat, window, used = start, tonumber(set[5] or 0), tonumber(set[6] or 0), tonumber(set[7] or 0)
if kind == 'bucket' then
  local each = per / limit
  tat = math.max(start, tat) + cost * each
  at = math.max(start, tat - burst * each)
elseif kind == 'fixed' then
  local current = math.floor(start / per) * per
  if window < current or window % per ~= 0 then window, used = math.max(current, window), 0 end
  window = math.floor(window / per) * per
  if used + cost > limit then window, used = window + per, 0 end
  used = used + cost
  at = math.max(start, window)
else
  local last = redis.call('LINDEX', key .. ':moments', limit - cost)
  if last then at = math.max(start, tonumber(last) + per) end
end
local wait = at - clock
if wait > most then return { 0, string.format('%.3f', wait) } end
redis.call('HSET', key, 'tat', string.format('%.6f', tat), 'window', string.format('%.0f', window), 'used', used)
keep(math.max(at, tat) - clock + per + 60000)
if kind == 'sliding' then
  for i = 1, cost do redis.call('LPUSH', key .. ':moments', string.format('%.6f', at)) end
  redis.call('LTRIM', key .. ':moments', 0, limit - 1)
  redis.call('PEXPIRE', key .. ':moments', string.format('%.0f', wait + per + 60000))
end
return { 1, string.format('%.3f', wait) }
`,
)

/** in: G, R, group, key, kind ('' for none), limit, per, burst */
export const setRateScript: RedisScript = new RedisScript(
  'set-rate',
  `${prelude}
if ARGV[5] == '' then
  redis.call('HDEL', key, 'kind', 'limit', 'per', 'burst')
  if redis.call('EXISTS', key) == 1 then redis.call('PEXPIRE', key, 86400000) end
else
  redis.call('HSET', key, 'kind', ARGV[5], 'limit', ARGV[6], 'per', ARGV[7], 'burst', ARGV[8])
  redis.call('PERSIST', key)
end
return 1
`,
)

/** in: G, R, group, key, milliseconds */
export const holdOffScript: RedisScript = new RedisScript(
  'hold-off',
  `${prelude}
local untilWhen = math.max(clock + tonumber(ARGV[5]), tonumber(redis.call('HGET', key, 'until') or 0))
redis.call('HSET', key, 'until', string.format('%.6f', untilWhen))
keep(untilWhen - clock + 86400000)
return 1
`,
)
