import { prelude } from './prelude.ts'
import { RedisScript } from './redis-script.ts'

/**
 * Puts dead letters back into their queue with a fresh budget, and deletes their results.
 *
 * in: G, R, group · queues · ids, each with how (`i`, `b`: a new body follows) and a body
 * out: the ids that were there
 */
export const retryDeadScript: RedisScript = new RedisScript(
  'retry-dead',
  `${prelude}
local queues = readQueues()
local clock = now()
local answer = {}
for i = 1, number() do
  local id, how, body = arg(), arg(), arg()
  for _, q in ipairs(queues) do
    local entry = redis.call('HGET', q.T .. 'dead:ids', id)
    local found = entry and redis.call('XRANGE', q.T .. 'dead', entry, entry)[1]
    if found then
      local f = found[2]
      local new = string.find(how, 'b', 1, true) ~= nil
      local old = field(f, 'data')
      local writeId = string.find(how, 'i', 1, true) ~= nil
      if not new then writeId = string.match(old, '^{"task_id": ?"([%w_.:%-]+)"') ~= id end
      redis.call('XDEL', q.T .. 'dead', entry)
      redis.call('HDEL', q.T .. 'dead:ids', id)
      redis.call('HDEL', G .. 'cancel', id)
      redis.call('DEL', R .. id, R .. id .. '__progress')
      place(q, { id = id, line = field(f, 'line'), body = new and body or old, writeId = writeId, expires = '',
        enqueued = field(f, 'enqueued'), priority = '', indexed = true,
        gates = field(f, 'gates') ~= '' and field(f, 'gates') or nil }, clock, clock)
      answer[#answer + 1] = id
    end
  end
end
return answer
`,
)

/** Deletes dead letters. in: G, R, group · queues · ids · out: how many there were */
export const deleteDeadScript: RedisScript = new RedisScript(
  'delete-dead',
  `${prelude}
local queues = readQueues()
local deleted = 0
for i = 1, number() do
  local id = arg()
  for _, q in ipairs(queues) do
    local entry = redis.call('HGET', q.T .. 'dead:ids', id)
    if entry then
      deleted = deleted + redis.call('XDEL', q.T .. 'dead', entry)
      redis.call('HDEL', q.T .. 'dead:ids', id)
      redis.call('HDEL', G .. 'ids', id)
    end
  end
end
return deleted
`,
)

/**
 * Deletes the oldest dead letters of a queue: those set aside before a moment, and those beyond a number.
 *
 * in: G, R, group · the queue · before, how many are kept (-1: all), limit · out: how many were deleted
 */
export const trimDeadScript: RedisScript = new RedisScript(
  'trim-dead',
  `${prelude}
local q = readQueues()[1]
local before, keep, limit = number(), number(), number()
local beyond = keep >= 0 and redis.call('XLEN', q.T .. 'dead') - keep or 0
local deleted = 0
for _, e in ipairs(redis.call('XRANGE', q.T .. 'dead', '-', '+', 'COUNT', limit)) do
  if deleted < beyond or tonumber(field(e[2], 'at')) < before then
    local id = field(e[2], 'id')
    redis.call('XDEL', q.T .. 'dead', e[1])
    redis.call('HDEL', q.T .. 'dead:ids', id)
    redis.call('HDEL', G .. 'ids', id)
    deleted = deleted + 1
  else break end
end
return deleted
`,
)
