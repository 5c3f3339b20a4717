import { RedisScript } from './redis-script.ts'

/**
 * Stores what most messages are: of one queue, of the default priority, for now, with an id that was drawn
 * for them and stands in the body. It is what the send script does of it, with less to read.
 *
 * in: KEYS the stream · G, R, group · key of the producer, its sequence number, milliseconds to keep it ·
 * name of the queue · channel that is told of the results and milliseconds for which that is noted, or twice '' · the ids, apart by
 * spaces, or '' · bodies · out: how many, or 0: the queue has a cap, and nothing was stored
 */
export const sendPlainScript: RedisScript = new RedisScript(
  'send-plain',
  `
local S, G, sequence = KEYS[1], ARGV[1], ARGV[5]
if redis.call('HEXISTS', G .. 'caps', ARGV[7]) == 1 then return 0 end
local last = redis.call('SET', ARGV[4], sequence .. ' all', 'PX', ARGV[6], 'GET')
if not last or string.match(last, '^%d+') ~= sequence then
  for i = 11, #ARGV do redis.call('XADD', S, '*', 'data', ARGV[i]) end
  redis.call('SADD', G .. 'queues', ARGV[7])
  if ARGV[8] ~= '' then
    for id in string.gmatch(ARGV[10], '%S+') do redis.call('SET', G .. 'wait:' .. id, ARGV[8], 'PX', ARGV[9]) end
    redis.call('SET', G .. 'waiting', '1', 'PX', ARGV[9])
  end
end
return #ARGV - 10
`,
)
