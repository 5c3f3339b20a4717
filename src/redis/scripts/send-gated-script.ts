import { prelude } from './prelude.ts'
import { RedisScript } from './redis-script.ts'

/**
 * Stores messages that have gates beside their bodies and are else as most are: of one queue, of the default
 * priority, for now, with an id that was drawn for them and stands in the body. Where all of them pass, which
 * is seen at once, what they write is written together; else each goes to its gates by itself.
 *
 * in: KEYS the stream · G, R, group · key of the producer, its sequence number, milliseconds to keep it ·
 * the queue (S, T, name) · how many different gates, these · which of them each message has, apart by spaces ·
 * bodies · out: how many, or 0: the queue has a cap, and nothing was stored
 */
export const sendGatedScript: RedisScript = new RedisScript(
  'send-gated',
  `${prelude}
local producer, sequence, keep = arg(), arg(), arg()
local q = { S = arg(), T = arg(), name = arg() }
local texts, counts, which = {}, {}, {}
for i = 1, number() do texts[i], counts[i] = arg(), 0 end
for index in string.gmatch(arg(), '%S+') do
  local k = tonumber(index)
  which[#which + 1], counts[k] = k, counts[k] + 1
end
if redis.call('HEXISTS', G .. 'caps', q.name) == 1 then return 0 end
local last = redis.call('SET', producer, sequence .. ' all', 'PX', keep, 'GET')
if last and string.match(last, '^%d+') == sequence then return #which end
redis.call('SADD', G .. 'queues', q.name)

local wanted, roomy = {}, true
for k, text in ipairs(texts) do
  for _, gate in ipairs(listOf(text)) do
    wanted[gate[1]] = (wanted[gate[1]] or 0) + counts[k]
  end
end
for _, text in ipairs(texts) do
  for _, gate in ipairs(listOf(text)) do
    if heldAt(gate[1]) + wanted[gate[1]] > limitOf(gate) then roomy = false end
  end
end

local function idIn(body) return string.match(body, '^{"task_id": ?"([%w_.:%-]+)"') end

if not roomy then
  local clock = now()
  for i, k in ipairs(which) do
    local body = arg()
    enterGates(q, { id = idIn(body), line = 'E', body = body, writeId = false, expires = '', enqueued = '',
      priority = '', gates = texts[k] }, clock)
  end
  return #which
end

openLine(q, 'E')
local stream = streamOf(q, 'E')
local order = redis.call('INCRBY', G .. 'gateseq', #which) - #which
local records, permits = {}, {}
for i, k in ipairs(which) do
  local body = arg()
  local id, text = idIn(body), texts[k]
  local list = listOf(text)
  records[2 * i - 1], records[2 * i] = id, cmsgpack.pack(#list, order + i, q.S, q.T, q.name, text)
  for _, gate in ipairs(list) do
    local ids = permits[gate[1]]
    if ids then ids[#ids + 1] = id else permits[gate[1]] = { id } end
  end
  redis.call('XADD', stream, '*', 'data', body)
end
chunked('HSET', G .. 'gates', {}, records)
for key, ids in pairs(permits) do chunked('SADD', G .. 'gate:' .. key, {}, ids) end
return #which
`,
)
