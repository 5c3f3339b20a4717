import { prelude } from './prelude.ts'
import { RedisScript } from './redis-script.ts'

const source = ({ before, after }: { readonly before: string; readonly after: string }): string => `
${before}local S, G, R, group = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local ttl, consumers = ARGV[8], tonumber(ARGV[9])
local held = {}
for c = 10, 9 + consumers do
  local from = ARGV[6]
  repeat
    local page = redis.pcall('XPENDING', S, group, from, ARGV[7], 1000, ARGV[c])
    if page.err then
      if not string.find(page.err, 'NOGROUP', 1, true) then error(page.err) end
      page = {}
    end
    for _, e in ipairs(page) do
      if e[4] == 1 then held[e[1]] = true end
    end
    if #page == 1000 then from = '(' .. page[1000][1] end
  until #page < 1000
end
local known = redis.call('EXISTS', G .. 'ids', G .. 'cancel') > 0
local ids, flagged = nil, {}
if known or ttl ~= '' or ${before === '' ? 'false' : 'true'} then
  ids = {}
  for id in string.gmatch(ARGV[5], '%S+') do ids[#ids + 1] = id end
end
if known then flagged = redis.call('HMGET', G .. 'cancel', unpack(ids)) end
local done, letters, all, gone, told, bodies = {}, {}, true, {}, {}, {}
local first, i, n = 9 + consumers, 0, 0
for entry in string.gmatch(ARGV[4], '%S+') do
  i = i + 1
  if held[entry] and not flagged[i] then
    held[entry] = nil
    n = n + 1
    done[n] = entry
    letters[i] = 's'
    if ttl ~= '' then
      local body = ARGV[first + i]
      if redis.call('SET', R .. ids[i], body, 'PX', ttl, 'NX') then told[#told + 1], bodies[#bodies + 1] = ids[i], body end
    end
    if ids then gone[n] = ids[i] end
  else
    all = false
    letters[i] = held[entry] and 'c' or '?'
  end
end
if known and n > 0 then
  redis.call('HDEL', G .. 'ids', unpack(gone))
  redis.call('HDEL', G .. 'cancel', unpack(gone))
end
if n > 0 then
  redis.call('XACK', S, group, unpack(done))
  redis.call('XDEL', S, unpack(done))
  ${after}
end
if #told > 0 and redis.call('EXISTS', G .. 'waiting') == 1 then
  local keys = {}
  for j, id in ipairs(told) do keys[j] = G .. 'wait:' .. id end
  for j, channels in ipairs(redis.call('MGET', unpack(keys))) do
    if channels then
      for channel in string.gmatch(channels, '%S+') do
        redis.call('PUBLISH', channel, #bodies[j] > 2048 and told[j] or told[j] .. '\\n' .. bodies[j])
      end
      redis.call('DEL', keys[j])
    end
  end
end
if all then return 1 end
i = 0
for entry in string.gmatch(ARGV[4], '%S+') do
  i = i + 1
  if letters[i] == '?' then
    letters[i] = 'g'
    if #redis.call('XRANGE', S, entry, entry) > 0 then letters[i] = 't'
    elseif known then
      if not ids then ids = {} end
      local place = redis.call('HGET', G .. 'ids', ids[i])
      if place and string.sub(place, 1, 1) ~= 'x' then letters[i] = 't' end
    end
  end
end
return table.concat(letters)
`

/**
 * Ends what most deliveries are: first claims of the default line of one queue that succeeded. What it
 * does of it is what the settle script does; it reads less, and makes nothing that it does not need.
 *
 * in: KEYS the stream · G, R, group · entries, apart by spaces · their ids, the same way · the lowest and
 * the highest millisecond among the entries · milliseconds for which results are kept, or '' · how many
 * consumers of this instance, these · the bodies of the results, if there are any
 *
 * out: one letter for each as of the settle script, or 1 when all are settled.
 */
export const settlePlainScript: RedisScript = new RedisScript(
  'settle-plain',
  source({ before: '', after: '' }),
)

/** The same for the line of messages that have passed gates: what they held is given back. */
export const settleGatedScript: RedisScript = new RedisScript(
  'settle-gated',
  source({ before: prelude, after: 'leaveTogether(gone, now())' }),
)
