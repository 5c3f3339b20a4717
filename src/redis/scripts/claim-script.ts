import { prelude } from './prelude.ts'
import { RedisScript } from './redis-script.ts'

/**
 * Claims messages: moves what is due, takes back what has ended, and hands out by line, best first.
 *
 * in: G, R, group · consumer, room, suspects (-1: no limit), early, sweep, milliseconds after which what
 * a foreign consumer holds is over · queues in the order of this turn · how many shares, and these (0: equal)
 *
 * out: [time, next moment at which something becomes due by itself or '', shortest lease seen or '',
 * lines of each queue as one text, whether the next claim needs a look too, chunks]; a chunk is [queue, line,
 * entries, counts, redeliveries, reasons]: the last three are empty for entries that were never claimed
 * before. A look is needed (1) while cancels are noted, something was given back, or there are lines of other
 * priorities than the default; (2) so is a sweep, because something is left that is to be claimed again.
 *
 * Ended is what has been idle for as long as the lease in its consumer's name, or for the foreign time
 * where the consumer is not one of ours. The count of a pending entry grows with each claim; how often it
 * was given back is kept beside it, so that giving back uses up no budget and each claim has a count of
 * its own.
 */
export const claimScript: RedisScript = new RedisScript(
  'claim',
  `${prelude}
local me, room, suspects = arg(), number(), number()
local early, sweep, foreign = arg() == '1', arg() == '1', number()
local queues = readQueues()
local shares = {}
for i = 1, number() do shares[i] = number() end
local clock = now()
local chunks = {}
local shortest = nil
local cancels = false
local function lookForCancels() cancels = redis.call('EXISTS', G .. 'cancel') == 1 end
if suspects < 0 then suspects = room end

local function backOf(q, line, entry)
  if not q.hasBack then return 0 end
  return tonumber(redis.call('HGET', q.T .. 'back', line .. '|' .. entry) or 0)
end

-- What may be claimed again: suspects, and by line what was given back without ever being lost.
local function survey(q)
  q.suspects, q.front = {}, {}
  q.hasBack = redis.call('EXISTS', q.T .. 'back') == 1
  if not sweep and not q.hasBack then return end
  for _, line in ipairs(linesOf(q)) do
    local stream = streamOf(q, line)
    local summary = redis.pcall('XPENDING', stream, group)
    if summary.err then
      if not string.find(summary.err, 'NOGROUP', 1, true) then error(summary.err) end
      redis.call('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
      summary = { 0 }
    end
    local found = {}
    for _, c in ipairs(summary[4] or {}) do
      local consumer = c[1]
      if consumer == 'tw:released' then
        if q.hasBack then
          local list = {}
          for _, e in ipairs(redis.call('XPENDING', stream, group, '-', '+', room, consumer)) do
            local back = backOf(q, line, e[1])
            if e[4] - back > 0 then found[#found + 1] = { e[1], e[4], e[4] - back }
            else list[#list + 1] = { e[1], e[4], 0 } end
          end
          q.front[line] = list
        end
      elseif sweep then
        local lease = tonumber(string.match(consumer, '^tw:.*:(%d+)$') or '') or foreign
        if not shortest or lease < shortest then shortest = lease end
        for _, e in ipairs(redis.call('XPENDING', stream, group, 'IDLE', lease, '-', '+', 250, consumer)) do
          found[#found + 1] = { e[1], e[4], e[4] - backOf(q, line, e[1]) }
        end
      end
    end
    table.sort(found, function(a, b) return before(a[1], b[1]) end)
    for _, e in ipairs(found) do q.suspects[#q.suspects + 1] = { line, e } end
  end
end

local function reasonsOf(entries)
  if not cancels or #entries == 0 then return {} end
  local reasons = {}
  for i = 1, #entries, 1000 do
    local call = { 'HMGET', G .. 'cancel' }
    for j = i, math.min(i + 999, #entries) do call[#call + 1] = idOf(entries[j][2]) or '' end
    for j, found in ipairs(redis.call(unpack(call))) do reasons[i + j - 1] = found or '' end
  end
  return reasons
end

-- Claims entries that are pending already, and hands them out: a thousand at most, as a call can name.
local function claimAgain(index, q, line, list)
  if #list == 0 then return 0 end
  local call = { 'XCLAIM', streamOf(q, line), group, me, 0 }
  local counts, losses = {}, {}
  for i, e in ipairs(list) do
    call[i + 5] = e[1]
    counts[e[1]], losses[e[1]] = e[2] + 1, e[3]
  end
  local entries, c, r = {}, {}, {}
  for _, e in ipairs(redis.call(unpack(call))) do
    -- An entry that was deleted under its claim is none.
    if e and e[2] then
      entries[#entries + 1] = e
      c[#c + 1], r[#r + 1] = counts[e[1]], losses[e[1]]
    end
  end
  if #entries > 0 then chunks[#chunks + 1] = { index, line, entries, c, r, reasonsOf(entries) } end
  return #entries
end

local function claimFrom(index, q, want)
  local got = 0
  while got < want and suspects > 0 and #q.suspects > 0 do
    local line, list = q.suspects[1][1], {}
    while #list < math.min(want - got, suspects, 1000) and #q.suspects > 0 and q.suspects[1][1] == line do
      list[#list + 1] = table.remove(q.suspects, 1)[2]
    end
    local n = claimAgain(index, q, line, list)
    got, suspects = got + n, suspects - n
  end
  for _, line in ipairs(linesOf(q)) do
    local front = q.front[line]
    while front and #front > 0 and got < want do
      local list = {}
      while #list < math.min(want - got, 1000) and #front > 0 do list[#list + 1] = table.remove(front, 1) end
      got = got + claimAgain(index, q, line, list)
    end
    if got < want and not (q.leave and line == '4') then
      local stream = streamOf(q, line)
      local answer = redis.pcall('XREADGROUP', 'GROUP', group, me, 'COUNT', want - got, 'STREAMS', stream, '>')
      if answer and answer.err then
        if not string.find(answer.err, 'NOGROUP', 1, true) then error(answer.err) end
        redis.call('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
        answer = redis.call('XREADGROUP', 'GROUP', group, me, 'COUNT', want - got, 'STREAMS', stream, '>')
      end
      if answer and answer[1] then
        local entries = answer[1][2]
        got = got + #entries
        chunks[#chunks + 1] = { index, line, entries, {}, {}, reasonsOf(entries) }
      end
    end
  end
  return got
end

local open, nextAt = {}, nil
for i, q in ipairs(queues) do
  -- What comes back is left to whoever waits longest: a Python worker may know the task that we gave back.
  local _, again = moveDue(q, dueShare(#queues), clock, false)
  q.leave = again
  if again then nextAt = clock end
  survey(q)
  open[i] = i
end
-- A limit may just have cancelled what has become due.
lookForCancels()
local left = room
-- Each its share first; what one leaves goes to the others in their order.
if #shares > 0 then
  open = {}
  for i, q in ipairs(queues) do left = left - claimFrom(i, q, math.min(shares[i], left)) end
  for i, q in ipairs(queues) do left = left - claimFrom(i, q, left) end
end
while left > 0 and #open > 0 do
  local share = math.max(1, math.floor(left / #open))
  local still = {}
  for _, i in ipairs(open) do
    local want = math.min(share, left)
    if want > 0 then
      local n = claimFrom(i, queues[i], want)
      left = left - n
      if n >= want then still[#still + 1] = i end
    end
  end
  open = still
end
-- No more than is handed out here: nobody else may run it before its time.
if early then
  for i, q in ipairs(queues) do
    if left > 0 and moveDue(q, left, clock, true) > 0 then
      lookForCancels()
      left = left - claimFrom(i, q, left)
    end
  end
end
local lines, special = {}, cancels and 1 or 0
for i, q in ipairs(queues) do
  lines[i] = table.concat(linesOf(q))
  -- 'E' is of the same priority as '4': a plain read may serve either first.
  if special == 0 and (string.find(lines[i], '[^4E]') or q.hasBack) then special = 1 end
  if #q.suspects > 0 then special = 2 end
  local head = redis.call('ZRANGE', q.T .. 'delayed', 0, 0, 'WITHSCORES')
  if head[2] then
    local due = tonumber(head[2])
    if not nextAt or due < nextAt then nextAt = due end
  end
end
return { whole(clock), nextAt and whole(nextAt) or '', shortest and whole(shortest) or '', table.concat(lines, ','), special, chunks }
`,
)
