/** What the end of a step means to its run; behind `workflow-lua.ts`. */
export const workflowSettleLua: string = `
local function wfRefused(p)
  local w = wfOpen(p.run)
  if not w or w.state ~= 'running' or w.gen ~= p.gen then return true end
  local n = wfNode(w, p.ord)
  return not n or n.state ~= 'r' or n.gen ~= p.gen
end

local function wfApply(p, value, clock)
  local w = wfOpen(p.run)
  local n = wfNode(w, p.ord)
  if p.graft then
    local fin = wfNode(w, p.graft[3])
    if fin and fin.parent == nil then
      fin.parent = n.ord
      wfKeep(w, fin)
      n.state, n.graft = 'x', p.graft[4]
      wfKeep(w, n)
      redis.call('HSET', w.W .. ':x', int(n.ord), int(p.graft[1]) .. '|' .. int(p.graft[2]))
      wfPush(w, { 's', p.graft[1], p.graft[2], 1 })
    end
  else
    if value then redis.call('HSET', w.W .. ':v', n.ord, value) end
    n.value = value
    if not p.ok then wfTakeBack() end
    wfSettle(w, n, p.ok and 's' or 'f', nil, clock)
  end
  wfGo(w, clock)
end

-- in: run, ordinal, generation, 1 for well, 1 for guessed, 1 and a value or 0, 1 and a graft or 0
local function wfPart()
  local p = { run = arg(), ord = number(), gen = number(), ok = arg() == '1', guessed = arg() == '1' }
  if arg() == '1' then p.value = arg() end
  if arg() == '1' then p.graft = { number(), number(), number(), number() } end
  return p
end
`
