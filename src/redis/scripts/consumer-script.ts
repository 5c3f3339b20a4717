import { prelude } from './prelude.ts'
import { RedisScript } from './redis-script.ts'

/**
 * Removes consumers of ours that hold nothing, from all lines of some queues: those that are named, and with
 * an age those that were idle for so long. Looking and removing are one step: XGROUP DELCONSUMER drops
 * what a consumer holds, so one that holds anything is never removed. A worker that comes back has its
 * consumer made anew by its next read.
 *
 * Consumers of others are left alone: nobody here knows whether they are merely slow.
 *
 * in: G, R, group · queues · milliseconds for which nobody else looks ('' : whoever does) · how many of its
 * leases a consumer was idle ('' : only the named), and milliseconds at least · the most that are
 * removed · names · out: how many were removed (-1: somebody else looks)
 */
export const removeConsumersScript: RedisScript = new RedisScript(
  'remove-consumers',
  `${prelude}
local queues = readQueues()
local alone, leases, least, most = arg(), number(), number(), number()
local named = {}
for i = 1, number() do named[arg()] = true end
if alone ~= '' and not redis.call('SET', queues[1].T .. 'swept', '1', 'PX', alone, 'NX') then return -1 end

local function isOver(name, idle)
  if named[name] then return true end
  local lease = leases and tonumber(string.match(name, '^tw:.*:(%d+)$') or '')
  return lease and idle >= least and idle >= lease * leases
end

local removed = 0
for _, q in ipairs(queues) do
  for _, line in ipairs(linesOf(q)) do
    local infos = redis.pcall('XINFO', 'CONSUMERS', streamOf(q, line), group)
    for _, info in ipairs(infos.err and {} or infos) do
      local c = {}
      for j = 1, #info, 2 do c[info[j]] = info[j + 1] end
      if removed < most and c['pending'] == 0 and isOver(c['name'], c['idle']) then
        redis.call('XGROUP', 'DELCONSUMER', streamOf(q, line), group, c['name'])
        removed = removed + 1
      end
    end
  end
end
return removed
`,
)
