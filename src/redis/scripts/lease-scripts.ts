import { prelude } from './prelude.ts'
import { RedisScript } from './redis-script.ts'

/** Claims, as all scripts about them read them: queues, streams with their range, then stream, entry, count and id of each. */
const readClaims = `
local consumers = readConsumers()
local queues = readQueues()
local streams = {}
for i = 1, number() do
  local s = { q = queues[number()], line = arg(), min = arg(), max = arg(), list = {} }
  s.key = streamOf(s.q, s.line)
  s.held = heldBy(consumers, s.key, s.min, s.max)
  streams[i] = s
end
local claims = {}
for i = 1, number() do
  local c = { stream = streams[number()], entry = arg(), count = number(), id = arg() }
  claims[i] = c
end
`

/**
 * Renews leases: what is still ours goes to the consumer that stands for the lease, without a claim more.
 * A plain XCLAIM would take back what another one has claimed meanwhile.
 *
 * in: G, R, group · the consumer · claims · out: for each 0 (lost), 1, or the reason of a cancel as a text
 */
export const extendScript: RedisScript = new RedisScript(
  'extend',
  `${prelude}
local to = arg()
${readClaims}
local reasons = {}
if #claims > 0 and redis.call('EXISTS', G .. 'cancel') == 1 then
  local call = { 'HMGET', G .. 'cancel' }
  for i, c in ipairs(claims) do call[i + 2] = c.id end
  reasons = redis.call(unpack(call))
end
local answer = {}
for i, c in ipairs(claims) do
  if c.stream.held[c.entry] == c.count then
    c.stream.list[#c.stream.list + 1] = c.entry
    answer[i] = reasons[i] or 1
  else answer[i] = 0 end
end
for _, s in ipairs(streams) do
  for i = 1, #s.list, 1000 do
    local call = { 'XCLAIM', s.key, group, to, 0 }
    for j = i, math.min(i + 999, #s.list) do call[#call + 1] = s.list[j] end
    call[#call + 1] = 'JUSTID'
    redis.call(unpack(call))
  end
end
return answer
`,
)

/**
 * Gives claims back: to a consumer that is nobody, as long idle as makes Python take it too. The claim
 * that was given back is counted, so that it uses up no budget.
 *
 * in: G, R, group · claims · out: one letter for each: s settled, g gone, t taken
 */
export const releaseScript: RedisScript = new RedisScript(
  'release',
  `${prelude}
${readClaims}
local answer, woken = {}, {}
for i, c in ipairs(claims) do
  local s = c.stream
  if s.held[c.entry] == c.count then
    s.held[c.entry] = nil
    answer[i] = 's'
    redis.call('XCLAIM', s.key, group, 'tw:released', 0, c.entry, 'IDLE', 86400000, 'JUSTID')
    redis.call('HINCRBY', s.q.T .. 'back', s.line .. '|' .. c.entry, 1)
    woken[s.q.name] = true
  elseif #redis.call('XRANGE', s.key, c.entry, c.entry) > 0 then answer[i] = 't'
  else
    local place = redis.call('HGET', G .. 'ids', c.id)
    answer[i] = place and string.sub(place, 1, 1) ~= 'x' and 't' or 'g'
  end
end
for name in pairs(woken) do redis.call('PUBLISH', G .. 'wake', name) end
return table.concat(answer)
`,
)

/**
 * Claims anew what consumers of ours hold and is not known here. It uses up no budget: the claim whose
 * answer was lost counts as given back.
 *
 * in: G, R, group · the consumer to claim with · consumers of ours · queues · for each queue how many
 * known entries, each as line|entry · out: as of a claim
 */
export const recoverScript: RedisScript = new RedisScript(
  'recover',
  `${prelude}
local me = arg()
local consumers = readConsumers()
local queues = readQueues()
local chunks = {}
local cancels = redis.call('EXISTS', G .. 'cancel') == 1
for index, q in ipairs(queues) do
  local known = {}
  for i = 1, number() do known[arg()] = true end
  for _, line in ipairs(linesOf(q)) do
    local stream = streamOf(q, line)
    for entry, count in pairs(heldBy(consumers, stream, '-', '+')) do
      if not known[line .. '|' .. entry] then
        local back = redis.call('HINCRBY', q.T .. 'back', line .. '|' .. entry, 1)
        for _, e in ipairs(redis.call('XCLAIM', stream, group, me, 0, entry)) do
          if e and e[2] then
            local reason = cancels and redis.call('HGET', G .. 'cancel', idOf(e[2]) or '') or ''
            chunks[#chunks + 1] = { index, line, { e }, { count + 1 }, { count - back }, { reason or '' } }
          end
        end
      end
    end
  end
end
return { '', '', '', '', cancels and 1 or 0, chunks }
`,
)
