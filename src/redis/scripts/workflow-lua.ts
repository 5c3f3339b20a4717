import { buildingTime } from '../../graphs/run-step.ts'

/** How much one step may do: less than where it holds nobody up, since a script is all that Redis does meanwhile. */
const stepBudget = 100

/**
 * The graphs of workflows, in Lua: the same rules as `graphs/run-step.ts`, which tells them.
 *
 * Keys of a run: `wf:<run>` a hash of what changes in it and what was said of it · `:d` ordinal → what a
 * node is · `:n` ordinal → where it is (absent: as at the start) · `:m` ordinal → its message · `:v`
 * ordinal → its value · `:s` ordinal → its sources, four bytes each, and `:s:<ord>` where there are more
 * than 64 · `:o` ordinal → its first edge (node behind, slot: eight bytes; `+`: there are others), `:o:<ord>` those · `:x`
 * live parts, by the node in whose place they run · `:k` names of keys with an ordinal.
 * Of all runs: `wf:runs` (by creation), `wf:todo`, `wf:deadlines`, `wf:expires`, `wf:back`: the take-back count, raised
 * with whatever may change the answer of a check for a step that was released (`known-start.ts`).
 *
 * Letters: kinds t j g e · gates s e f c a · policies s c a · states w(aiting) r(eleased) x(panded)
 * s(ucceeded) f(ailed) k (skipped) i(dle).
 */
export const workflowLua: string = `
local wfBuilding = ${buildingTime}
local wfTold, wfBodies, wfRuns, wfMore, wfReleased = {}, {}, {}, {}, {}
local wfTookBack, wfDropped, wfBack = false, false, nil
local function int(n) return n and string.format('%.0f', n) or '' end
local function num(s) return s and s ~= '' and tonumber(s) or nil end
local function wfId(run, ord, gen) return run .. string.format('%08x%04x', ord, gen) end

local function wfOpen(run)
  local w = wfRuns[run]
  if w ~= nil then return w end
  local W = G .. 'wf:' .. run
  local m = redis.call('HMGET', W, 'state', 'gen', 'ended', 'todo', 'end', 'ff', 'cause', 'reason', 'sealed')
  if not m[1] then wfRuns[run] = false; return false end
  w = { W = W, run = run, state = m[1], gen = tonumber(m[2]), ended = num(m[3]), fin = num(m[5]), cause = num(m[7]),
    reason = m[8] or nil, sealed = m[9], nodes = {}, kept = {}, budget = ${stepBudget}, bytes = 256000 }
  w.todo = m[4] and m[4] ~= '' and cjson.decode(m[4]) or {}
  w.had = #w.todo > 0
  w.saved = table.concat({ m[1], m[2], m[3] or '', m[4] or '', m[7] or '', m[8] or '' }, '|')
  w.ff = m[6] and m[6] ~= '' and cjson.decode(m[6]) or {}
  wfRuns[run] = w
  return w
end

local function wfSave(w)
  local todo = #w.todo > 0 and cjson.encode(w.todo) or ''
  local gen, ended, cause, reason = int(w.gen), int(w.ended), int(w.cause), w.reason or ''
  -- Most steps change nodes alone.
  local now = table.concat({ w.state, gen, ended, todo, cause, reason }, '|')
  if now ~= w.saved then
    redis.call('HSET', w.W, 'state', w.state, 'gen', gen, 'ended', ended, 'todo', todo, 'cause', cause, 'reason', reason)
    w.saved = now
  end
  local has = #w.todo > 0
  if has ~= w.had then redis.call(has and 'SADD' or 'SREM', G .. 'wf:todo', w.run); w.had = has end
  return has
end

local function wfNode(w, ord)
  local n = w.nodes[ord]
  if n ~= nil then return n end
  local d = redis.call('HGET', w.W .. ':d', ord)
  if not d then w.nodes[ord] = false; return false end
  n = { ord = ord }
  local lo, hi, side, under, takes, empty, width
  n.kind, n.gate, lo, hi, n.policy, side, under, takes, empty, width, n.name =
    string.match(d, '^(%a)|(%a*)|(%d*)|(%d*)|(%a)|(%d*)|(%d*)|(%d)|(%d)|(%d+)|(.*)$')
  n.lo, n.hi, n.side, n.under, n.width = num(lo), num(hi), num(side), num(under), tonumber(width)
  n.takes, n.empty = takes == '1', empty == '1'
  n.state, n.gen, n.pos, n.idle = 'w', 0, 0, false
  local v = redis.call('HGET', w.W .. ':n', ord)
  if v then
    local gen, pos, cause, idle, released, ended, graft, parent
    n.state, gen, pos, cause, idle, released, ended, graft, parent =
      string.match(v, '^(%a)|(%d+)|(%d+)|(%d*)|(%d)|(%d*)|(%d*)|(%d*)|(%d*)$')
    n.gen, n.pos, n.cause, n.idle = tonumber(gen), tonumber(pos), num(cause), idle == '1'
    n.released, n.ended, n.graft, n.parent = num(released), num(ended), num(graft), num(parent)
  end
  w.nodes[ord] = n
  return n
end

-- Written at the end, all of a run in one command: in between, whoever asks is answered by w.nodes.
local function wfKeep(w, n) w.kept[n.ord] = n end

local function wfWriteNodes(w)
  local list = {}
  local function write()
    if #list > 0 then redis.call('HSET', w.W .. ':n', unpack(list)) end
    list = {}
  end
  for ord, n in pairs(w.kept) do
    list[#list + 1] = ord
    list[#list + 1] = table.concat({ n.state, int(n.gen), int(n.pos), int(n.cause), n.idle and '1' or '0',
      int(n.released), int(n.ended), int(n.graft), int(n.parent) }, '|')
    if #list >= 1000 then write() end
  end
  write()
end

-- What has been changed in any run is written, and those with something left to do are named.
local function wfSaveAll()
  for _, w in pairs(wfRuns) do
    if w then wfWriteNodes(w) end
    if w and w.dirty and wfSave(w) then wfMore[#wfMore + 1] = w.run end
  end
  tellWaiters(wfTold, wfBodies)
end

local function wfSources(w, n, from, count)
  local text
  if n.width <= 64 then
    n.src = n.src or redis.call('HGET', w.W .. ':s', n.ord) or ''
    text = string.sub(n.src, from * 4 + 1, (from + count) * 4)
  else text = redis.call('GETRANGE', w.W .. ':s:' .. int(n.ord), from * 4, (from + count) * 4 - 1) end
  local list = {}
  for i = 1, #text, 4 do list[#list + 1] = struct.unpack('>I4', text, i) end
  return list
end

local function wfEdges(w, ord, from, count)
  local text = ''
  if from == 0 then
    text = redis.call('HGET', w.W .. ':o', ord) or ''
    if text == '' then return {} end
    from, count = 1, #text > 8 and count - 1 or 0
    text = string.sub(text, 1, 8)
  end
  if count > 0 then text = text .. redis.call('GETRANGE', w.W .. ':o:' .. int(ord), (from - 1) * 8, (from - 1 + count) * 8 - 1) end
  local list = {}
  for i = 1, #text, 8 do
    local dst, slot = struct.unpack('>I4I4', text, i)
    list[#list + 1] = { dst, slot }
  end
  return list
end

local wfTerminal = { s = true, f = true, k = true, i = true }
local function wfBlocks(n) return n.state == 'k' or (n.state == 'f' and n.policy == 's') end
local function wfCause(n) if n.state == 'k' then return n.cause or n.ord end return n.ord end

local function wfLeave(w, depth, item)
  -- When the run has ended, nothing is left to do but to tell those that still run.
  if w.ended == nil or item[1] == 'd' then table.insert(w.todo, depth + 1, item) end
end
local function wfPush(w, item) wfLeave(w, #w.todo, item) end

local function wfResult(w, ord, field)
  local body, ttl = unpack(redis.call('HMGET', w.W, field, 'ttl'))
  local id = wfId(w.run, ord, w.gen)
  if body and redis.call('SET', R .. id, body, 'PX', ttl, 'NX') then wfTold[#wfTold + 1], wfBodies[#wfBodies + 1] = id, body end
end

local function wfTakeBack()
  -- Once for all that is taken back, but again behind each release: what it has noted must not hold any more.
  if not wfTookBack or wfBack then redis.call('INCR', G .. 'wf:back') end
  wfTookBack, wfBack = true, nil
end

-- The source of a step (-1: none) and its input (if it takes one), where that is one short value; else nothing.
local function wfShortInput(w, n)
  local source = wfSources(w, n, 0, 1)[1]
  if source == nil or not n.takes then return source or -1 end
  local s = wfNode(w, source)
  if not s or s.kind ~= 't' or s.state ~= 's' or s.graft then return nil end
  local value = s.value or redis.call('HGET', w.W .. ':v', source)
  if value and #value <= 1000 then return source, value end
end

local function wfEnd(w, state, cause, clock)
  if state ~= 'succeeded' then wfTakeBack() end
  w.state, w.cause, w.ended, w.todo, w.dirty = state, cause, clock, {}, true
  local keep = redis.call('HGET', w.W, state == 'succeeded' and 'ks' or 'kf')
  redis.call('ZADD', G .. 'wf:expires', int(clock + (tonumber(keep) or wfBuilding)), w.run)
  redis.call('ZREM', G .. 'wf:deadlines', w.run)
  if w.sealed then wfResult(w, w.fin, state) end
end

local function wfDrop(w, n)
  if n.state ~= 'r' then return end
  local id = wfId(w.run, n.ord, n.gen)
  if redis.call('HEXISTS', G .. 'ids', id) == 0 then return end
  local reason = w.reason and w.reason ~= '' and w.reason or 'another step of its workflow failed'
  wfDropped = true
  redis.call('HSETNX', G .. 'cancel', id, reason)
  redis.call('PUBLISH', G .. 'cancels', id .. '\\n' .. reason)
end

local function wfSettle(w, n, state, cause, clock)
  n.state, n.cause, n.gen, n.ended = state, cause, w.gen, clock
  wfKeep(w, n)
  wfPush(w, { 'm', n.ord, 0 })
  if state == 'k' and n.kind == 't' and w.sealed then wfResult(w, n.ord, 'skipped') end
  if state == 'f' and n.policy == 's' and n.side == nil then
    for _, span in ipairs(w.ff) do
      if span[1] <= n.ord and n.ord <= span[2] then wfPush(w, { 'c', span[1], span[2], n.ord }) end
    end
  end
end

local function wfRelease(w, n, clock)
  local packed = redis.call('HGET', w.W .. ':m', n.ord)
  if not packed then return end
  local m = cmsgpack.unpack(packed)
  n.state, n.gen, n.released, n.ended = 'r', w.gen, clock, nil
  wfKeep(w, n)
  local id = wfId(w.run, n.ord, w.gen)
  w.bytes = w.bytes - #m[6]
  if known(id) then return end
  local q = { S = m[1], T = m[2], name = m[3] }
  local inBody = string.match(m[6], '^{"task_id": ?"([%w_.:%-]+)"')
  local source, input = wfShortInput(w, n)
  if source then wfBack = wfBack or redis.call('GET', G .. 'wf:back') or '0' end
  local entry = place(q, { id = id, line = m[4], body = m[6], writeId = inBody ~= id, expires = '', enqueued = '', priority = '', indexed = true,
    start = source and wfBack .. '|' .. int(source), input = input, gates = m[7] and m[7] ~= '' and m[7] or nil }, clock + tonumber(m[5]), clock)
  redis.call('SADD', G .. 'queues', q.name)
  if entry and m[4] == '4' then wfReleased[#wfReleased + 1] = q.S end
end

local function wfExtent(w, parent)
  local x = redis.call('HGET', w.W .. ':x', int(parent))
  if not x then return nil end
  local lo, hi = string.match(x, '^(%d+)|(%d+)$')
  return { tonumber(lo), tonumber(hi) }
end

local function wfDecide(w, n, clock)
  if n.kind == 'e' then
    local state = n.cause and 'f' or 's'
    n.state, n.ended = state, clock
    wfKeep(w, n)
    if n.parent == nil then wfEnd(w, n.cause and 'failed' or 'succeeded', n.cause, clock)
    else
      local x = wfNode(w, n.parent)
      if x and x.state == 'x' then wfSettle(w, x, state, n.cause, clock) end
    end
  elseif n.idle then wfSettle(w, n, 'i', nil, clock)
  elseif n.kind == 'g' then
    local source = wfNode(w, wfSources(w, n, 0, 1)[1])
    local within = n.cause ~= nil and n.lo ~= nil and n.cause >= n.lo and n.cause <= n.hi
    if n.gate == 's' then wfSettle(w, n, source.state == 's' and 's' or 'i', nil, clock)
    elseif n.gate == 'e' then wfSettle(w, n, source.state == 'f' and 's' or 'i', source.ord, clock)
    elseif n.gate == 'f' then wfSettle(w, n, within and 's' or 'i', n.cause, clock)
    elseif n.cause == nil or within then wfSettle(w, n, 's', n.cause, clock)
    else wfSettle(w, n, 'k', n.cause, clock) end
  elseif n.cause then wfSettle(w, n, 'k', n.cause, clock)
  elseif n.kind == 'j' then wfSettle(w, n, 's', nil, clock)
  else wfRelease(w, n, clock) end
end

local function wfAdvance(w, n, clock)
  if n.state ~= 'w' then return end
  local begun, size, stopped = n.pos, 2, false
  while not stopped and n.pos < n.width do
    local list = wfSources(w, n, n.pos, math.min(size, n.width - n.pos))
    size = math.min(size * 2, 128)
    local call, asks = { 'HMGET', w.W .. ':n' }, false
    for i, ord in ipairs(list) do
      call[i + 2] = int(ord)
      asks = asks or not w.nodes[ord]
    end
    local found = asks and redis.call(unpack(call)) or {}
    for i, ord in ipairs(list) do
      local cached = w.nodes[ord]
      local state = cached and cached.state or (found[i] and string.sub(found[i], 1, 1) or 'w')
      w.budget = w.budget - 0.0625
      if not wfTerminal[state] then stopped = true; break end
      if state == 'i' then n.idle = true
      elseif state ~= 's' and n.cause == nil then
        local source = wfNode(w, ord)
        if wfBlocks(source) then n.cause = wfCause(source) end
      end
      n.pos = n.pos + 1
    end
    if #list == 0 then stopped = true end
    if not stopped and n.pos < n.width and w.budget <= 0 then wfPush(w, { 'w', n.ord }); stopped = true end
  end
  if n.pos == n.width then wfDecide(w, n, clock)
  elseif n.pos ~= begun then wfKeep(w, n) end
end

--[ wfSeldom
local wfIsKept
local function wfWatchedKept(w, n)
  if n.side == nil then return true end
  local watched = wfNode(w, wfSources(w, wfNode(w, n.side), 0, 1)[1])
  return watched and wfIsKept(w, watched) or false
end
local function wfAbsorbed(w, n)
  local g = n
  while g do
    if (g.gate == 'a' or g.gate == 'c') and g.side == n.side and g.state == 's' and g.cause and wfWatchedKept(w, g) then return true end
    g = g.under and wfNode(w, g.under) or nil
  end
  return false
end
wfIsKept = function(w, n)
  if wfAbsorbed(w, n) then return true end
  return (n.state == 's' or (n.state == 'f' and n.policy ~= 's')) and wfWatchedKept(w, n)
end

-- What ran in the place of a node is live no more; nor is what ran in the place of that.
local function wfDropGraft(w, n)
  local x = n.graft and wfExtent(w, n.ord)
  if not x then return end
  redis.call('HDEL', w.W .. ':x', int(n.ord))
  wfPush(w, { 'p', x[1], x[2] })
end

local function wfReset(w, n)
  local kept
  if n.kind == 't' then kept = wfIsKept(w, n) else kept = wfAbsorbed(w, n) end
  if kept then return end
  local x = n.graft and wfExtent(w, n.ord) or nil
  local again = x ~= nil and n.state ~= 's' and wfWatchedKept(w, n)
  n.state = again and 'x' or 'w'
  if not again then
    wfDropGraft(w, n)
    n.graft = nil
  end
  if n.kind == 't' then redis.call('HDEL', w.W .. ':v', n.ord) end
  n.pos, n.cause, n.idle, n.ended = 0, nil, false, nil
  wfKeep(w, n)
  if again then wfPush(w, { 'r', x[1], x[2] }) end
end

local function wfCut(w, n, cause, clock)
  if n.kind ~= 't' or n.side ~= nil or wfTerminal[n.state] then return end
  wfTakeBack()
  wfDrop(w, n)
  if n.state == 'x' then
    local x = wfExtent(w, n.ord)
    if x then wfPush(w, { 'c', x[1], x[2], cause }) end
  end
  wfSettle(w, n, 'k', cause, clock)
end

-- The live parts of a run: first and last ordinal and parent, by first ordinal.
local function wfExtents(w)
  local all = redis.call('HGETALL', w.W .. ':x')
  local list = {}
  for i = 1, #all, 2 do
    local lo, hi = string.match(all[i + 1], '^(%d+)|(%d+)$')
    list[#list + 1] = { tonumber(lo), tonumber(hi), num(all[i]) }
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

--] wfSeldom

local function wfGo(w, clock)
  w.dirty = true
  while w.budget > 0 and w.bytes > 0 do
    local item = table.remove(w.todo)
    if item == nil then break
    elseif item[1] == 'b' then
      w.state = 'running'
      local list = wfExtents(w)
      for i = #list, 1, -1 do
        local parent = list[i][3] and wfNode(w, list[i][3])
        if not list[i][3] or (parent and parent.state == 'x') then wfPush(w, { 's', list[i][1], list[i][2], 0 }) end
      end
    elseif item[1] == 'm' then
      local depth, told, list = #w.todo, 0, wfEdges(w, item[2], item[3], 100)
      for _, edge in ipairs(list) do
        if w.budget <= 0 or w.bytes <= 0 or #w.todo > depth then break end
        told = told + 1
        w.budget = w.budget - 1
        local n = wfNode(w, edge[1])
        if n and n.width == 1 then n.src = struct.pack('>I4', item[2]) end
        if n and n.pos == edge[2] then wfAdvance(w, n, clock) end
      end
      if told < #list or #list == 100 then wfLeave(w, depth, { 'm', item[2], item[3] + told }) end
    elseif item[1] == 'w' then
      local n = wfNode(w, item[2])
      if n then wfAdvance(w, n, clock) end
    else
      local at, depth = item[2], #w.todo
      while at <= item[3] and w.budget > 0 and w.bytes > 0 do
        local n = wfNode(w, at)
        at = at + 1
        w.budget = w.budget - 1
        if n then
          if item[1] == 's' then
            if item[4] == 0 or n.width == 0 then wfAdvance(w, n, clock) else w.budget = w.budget + 0.8 end
          elseif item[1] == 'r' then wfReset(w, n)
          elseif item[1] == 'p' then wfDropGraft(w, n)
          elseif item[1] == 'c' then wfCut(w, n, item[4], clock)
          else wfDrop(w, n) end
        end
        if #w.todo > depth then break end
      end
      if at <= item[3] then
        item[2] = at
        wfLeave(w, depth, item)
      end
    end
  end
end
`
