import { prelude } from './prelude.ts'
import { RedisScript } from './redis-script.ts'

/** The layout of keys that this code reads and writes. Raise it when older code would read them wrongly. */
export const keySchema = 1

/**
 * What is looked at before anything is used: whose keys these are, and what the ACL user may not do. Each
 * command is tried on a key that is not there, so that nothing is changed.
 *
 * in: G, R, group · the schema that we know, an epoch for a store that has none, 1 where queues are lists
 *
 * out: [time, schema, epoch, commands that are refused, 1 where keys are]; nothing was written where the
 * schema is a newer one or something is refused.
 */
export const checkScript: RedisScript = new RedisScript(
  'check',
  `${prelude}
local known, fresh, lists = arg(), arg(), arg() == '1'
local store, probe = G .. 'store', G .. 'probe'
local schema = redis.pcall('HGET', store, 'schema')
if type(schema) == 'table' then schema = false end
if schema and tonumber(schema) > tonumber(known) then return { '', schema, '', {}, 0 } end
local refused, keys = {}, 0
local function try(...)
  local answer = redis.pcall(...)
  local why = type(answer) == 'table' and answer.err
  if not why or not string.find(why, 'user executing the script', 1, true) then return end
  if string.find(why, 'at least one of the keys', 1, true) then keys = 1
  else refused[#refused + 1] = string.lower((...)) end
end
try('TIME')
try('XADD', probe, 'NOMKSTREAM', '*', 'a', '1')
try('XREADGROUP', 'GROUP', group, 'c', 'COUNT', 1, 'STREAMS', probe, '>')
for _, command in ipairs({ 'XLEN', 'ZCARD', 'SMEMBERS', 'GET', 'MGET', 'EXISTS' }) do try(command, probe) end
for _, command in ipairs({ 'XRANGE', 'XREVRANGE' }) do try(command, probe, '-', '+') end
try('XPENDING', probe, group)
try('XCLAIM', probe, group, 'c', 0, '0-1')
try('XACK', probe, group, '0-1')
try('XDEL', probe, '0-1')
try('XTRIM', probe, 'MINID', '0-1')
try('XGROUP', 'CREATE', probe, group, '0')
try('XGROUP', 'DELCONSUMER', probe, group, 'c')
try('XINFO', 'GROUPS', probe)
try('XINFO', 'CONSUMERS', probe)
try('ZADD', probe, 'XX', 1, 'a')
try('ZREM', probe, 'a')
try('ZSCORE', probe, 'a')
for _, command in ipairs({ 'ZCOUNT', 'ZRANGE', 'ZRANGEBYSCORE' }) do try(command, probe, 0, 0) end
try('HSET', probe, 'a', 1)
try('HSETNX', probe, 'a', 1)
try('HINCRBY', probe, 'a', 1)
for _, command in ipairs({ 'HGET', 'HMGET', 'HEXISTS', 'HDEL' }) do try(command, probe, 'a') end
try('SADD', probe, 'a')
try('DEL', probe)
try('INCR', probe)
try('DEL', probe)
if lists then
  for _, command in ipairs({ 'LLEN', 'RPOP' }) do try(command, probe) end
  try('LPUSH', probe, 'a')
  try('RPUSH', probe, 'a')
  try('LRANGE', probe, 0, 0)
  try('LREM', probe, 1, 'a')
  try('LMOVE', probe, probe, 'RIGHT', 'LEFT')
  try('DEL', probe)
end
try('SET', probe, 1, 'PX', 1, 'XX')
try('PEXPIRE', probe, 1)
try('PUBLISH', G .. 'probe', '')
try('SET', R .. 'probe', 1, 'PX', 1, 'XX')
-- Whoever drains a full store must be able to start: what cannot be noted now is noted by the next one.
if #refused + keys > 0 then return { '', known, '', refused, keys } end
redis.pcall('HSETNX', store, 'schema', known)
redis.pcall('HSETNX', store, 'epoch', fresh)
return { whole(now()), schema or known, redis.call('HGET', store, 'epoch') or '', refused, keys }
`,
)
