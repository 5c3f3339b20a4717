import { prelude } from './prelude.ts'
import { RedisScript } from './redis-script.ts'

/**
 * Moves what is due in queues that nobody of ours may be serving. in: G, R, group · queues
 * out: [time, next moment at which something becomes due or '', how many were moved]
 */
export const moveDueScript: RedisScript = new RedisScript(
  'move-due',
  `${prelude}
local clock = now()
local nextAt, moved = nil, 0
local queues = readQueues()
for _, q in ipairs(queues) do
  moved = moved + (moveDue(q, dueShare(#queues), clock, false))
  local head = redis.call('ZRANGE', q.T .. 'delayed', 0, 0, 'WITHSCORES')
  if head[2] then
    local due = tonumber(head[2])
    if not nextAt or due < nextAt then nextAt = due end
  end
end
return { whole(clock), nextAt and whole(nextAt) or '', moved }
`,
)

/**
 * Deletes entries of one queue that all its groups have had and none holds: Python acknowledges and never
 * deletes. First everything before the oldest entry that somebody holds or has not had, then, entry by
 * entry from where the last call stopped, what lies between those that are held.
 *
 * in: G, R, group · queues (one) · milliseconds for which nobody else looks, where this is the first call of
 * a round ('' otherwise) · the most entries of one call · for each line how far it was looked
 * through (line, entry; '' from the start), at the end
 * out: [how many were deleted (-1: somebody else looks), 1 when there may be more, line, entry, … how far each line was looked through]
 *
 * A stream without a group is left alone: nobody has had anything of it.
 */
export const trimScript: RedisScript = new RedisScript(
  'trim',
  `${prelude}
local q = readQueues()[1]
local alone = arg()
local most = number()
-- One process is enough, of however many.
if alone ~= '' and not redis.call('SET', q.T .. 'tended', '1', 'PX', alone, 'NX') then return { -1, 0 } end
local looked = {}
for i = 1, number() do
  local line = arg()
  looked[line] = arg()
end
local deleted, more, answer = 0, 0, {}

local function groupsOf(stream)
  local infos = redis.pcall('XINFO', 'GROUPS', stream)
  local groups = {}
  for i, g in ipairs(infos.err and {} or infos) do
    local info = {}
    for j = 1, #g, 2 do info[g[j]] = g[j + 1] end
    groups[i] = { name = info['name'], last = info['last-delivered-id'], pending = info['pending'], lag = info['lag'] }
  end
  return groups
end

-- Where ours alone read, what was acknowledged is gone: all that is there is held, or nobody has had it.
local function isClean(stream, groups)
  local g = groups[1]
  return #groups == 1 and g.lag and redis.call('XLEN', stream) <= g.pending + g.lag
end

local function after(entry)
  local ms, seq = string.match(entry, '^(%d+)-(%d+)$')
  return ms .. '-' .. whole(tonumber(seq) + 1)
end

-- What no group holds, of entries up to 'last' that all have had; from where the last look stopped.
local function sweep(line, stream, groups, last)
  local from = looked[line]
  local page = redis.call('XRANGE', stream, (from and from ~= '') and '(' .. from or '-', last, 'COUNT', most)
  if #page == 0 then return nil end
  local first, final = page[1][1], page[#page][1]
  local held = {}
  for _, g in ipairs(groups) do
    for _, e in ipairs(redis.call('XPENDING', stream, g.name, first, final, #page)) do held[e[1]] = true end
  end
  local ended = {}
  for _, e in ipairs(page) do if not held[e[1]] then ended[#ended + 1] = e[1] end end
  if #ended > 0 then deleted = deleted + chunked('XDEL', stream, {}, ended) end
  if #page < most then return nil end
  more = 1
  return final
end

for _, line in ipairs(linesOf(q)) do
  local stream = streamOf(q, line)
  local groups = groupsOf(stream)
  local keep, last
  for _, g in ipairs(isClean(stream, groups) and {} or groups) do
    local oldest = after(g.last)
    if g.pending > 0 then
      local pending = redis.call('XPENDING', stream, g.name)[2]
      if before(pending, oldest) then oldest = pending end
    end
    if not keep or before(oldest, keep) then keep = oldest end
    if not last or before(g.last, last) then last = g.last end
  end
  if keep then
    -- Whole nodes of the stream first, which is bounded; what is left before it is less than a node.
    local trimmed = redis.call('XTRIM', stream, 'MINID', '~', keep, 'LIMIT', most * 10)
    deleted = deleted + trimmed
    if trimmed >= most * 10 then more = 1
    else
      deleted = deleted + redis.call('XTRIM', stream, 'MINID', '=', keep)
      local stopped = before(keep, after(last)) and sweep(line, stream, groups, last) or nil
      if stopped then
        answer[#answer + 1] = line
        answer[#answer + 1] = stopped
      end
    end
  end
end
return { deleted, more, unpack(answer) }
`,
)
