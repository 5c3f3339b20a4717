/**
 * How values are answered: b and a body, z, l and values, p and an ordinal and a size, f and ordinal, generation, name, body.
 * And what a check answers of a step that may start: its source (-1: none) and its input (if it takes one).
 */
export const valuesLua: string = `
local wfValue
local function wfFailure(w, n)
  local body = redis.call('HGET', w.W .. ':v', n.ord)
  if (n.kind == 't' and body) or n.cause == nil or n.cause == n.ord then return { 'f', n.ord, n.gen, n.name, body or '' } end
  local blamed = wfNode(w, n.cause)
  if not blamed then return { 'f', n.ord, n.gen, n.name, body or '' } end
  return wfFailure(w, blamed)
end
wfValue = function(w, ord, room)
  local n = wfNode(w, ord)
  if not n then return { 'z' } end
  if n.kind == 'j' and not wfBlocks(n) then
    if n.empty or n.width == 0 then return { 'l' } end
    if n.width > room[1] then return { 'p', n.ord, n.width } end
    local list = { 'l' }
    for i, source in ipairs(wfSources(w, n, 0, n.width)) do list[i + 1] = wfValue(w, source, room) end
    if room[2] < 0 then return { 'p', n.ord, n.width } end
    return list
  end
  if n.kind == 'g' and not wfBlocks(n) then
    if n.cause then
      if n.gate == 'a' then return { 'z' } end
      local blamed = wfNode(w, n.cause)
      return blamed and wfFailure(w, blamed) or { 'z' }
    end
    return wfValue(w, wfSources(w, n, 0, 1)[1], room)
  end
  if n.kind == 't' and n.state == 'f' and n.policy == 'a' then return { 'z' } end
  if n.kind ~= 't' or n.state ~= 's' then return wfFailure(w, n) end
  if n.graft then return wfValue(w, n.graft, room) end
  local body = redis.call('HGET', w.W .. ':v', n.ord)
  room[1], room[2] = room[1] - 1, room[2] - (body and #body or 0)
  return body and { 'b', body } or { 'z' }
end

local function wfInput(w, n)
  local source = wfSources(w, n, 0, 1)[1]
  if source == nil or not n.takes then return { source or -1 } end
  return { source, wfValue(w, source, { 64, 16384 }) }
end
`
