/** How many messages of a queue its cap counts: those that wait, also for later. In Lua. */
export const waitingLua = `
local function waitingIn(q)
  local waiting = redis.call('HLEN', q.T .. 'later')
  for _, line in ipairs(linesOf(q)) do
    local stream = streamOf(q, line)
    local pending = redis.pcall('XPENDING', stream, group)
    local held = 0
    if not pending.err then
      held = pending[1]
      for _, c in ipairs(pending[4] or {}) do if c[1] == 'tw:released' then waiting = waiting + tonumber(c[2]) end end
    end
    waiting = waiting + unread(stream, held)
  end
  return waiting
end
`
