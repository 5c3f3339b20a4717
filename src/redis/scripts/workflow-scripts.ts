import { prelude } from './prelude.ts'
import { RedisScript } from './redis-script.ts'
import { workflowLua } from './workflow-lua.ts'
import { valuesLua } from './workflow-values-lua.ts'

const script = (name: string, body: string): RedisScript =>
  new RedisScript(name, `${prelude}${workflowLua}${body}`)

/** in: run, count · out: the first ordinal, or -1 where there is no run */
export const reserveScript: RedisScript = script(
  'wf-reserve',
  `
local run, count = arg(), number()
local W = G .. 'wf:' .. run
if redis.call('EXISTS', W) == 0 then return -1 end
return redis.call('HINCRBY', W, 'next', count) - count
`,
)

const put = `
local run, building = arg(), number()
local W, clock = G .. 'wf:' .. run, now()
if redis.call('EXISTS', W) == 0 then
  redis.call('HSET', W, 'state', 'building', 'gen', '0', 'created', int(clock), 'next', '0')
  redis.call('ZADD', G .. 'wf:runs', int(clock), run)
  redis.call('ZADD', G .. 'wf:expires', int(clock + building), run)
end
local top = tonumber(redis.call('HGET', W, 'next'))
local items, ords = {}, {}
for i = 1, number() do
  local ord, what, width, sources = number(), arg(), number(), {}
  for j = 1, number() do sources[j] = number() end
  local message = arg() == '1' and { arg(), arg(), arg(), arg(), arg(), arg(), arg() } or nil
  items[i] = { ord, what, width, sources, message }
  if what ~= '' then ords[#ords + 1] = int(ord) end
  if ord + 1 > top then top = ord + 1 end
end
-- Read and written by one command for each hash: what is put is much, and each command has its price.
local function ofHash(suffix, fields)
  local found, values = {}, #fields > 0 and redis.call('HMGET', W .. suffix, unpack(fields)) or {}
  for i, field in ipairs(fields) do found[field] = values[i] or nil end
  return found
end
local function write(suffix, list)
  if #list > 0 then redis.call('HSET', W .. suffix, unpack(list)) end
end
local there, small, edges, nodes, messages = ofHash(':d', ords), {}, {}, {}, {}
for _, item in ipairs(items) do
  local ord, what, width, sources, message = unpack(item, 1, 5)
  local more, key, fresh = what == '', int(ord), nil
  local from, S = more and width or 0, W .. ':s:' .. key
  if more then
    small[key] = small[key] or redis.call('HGET', W .. ':s', key) or nil
    fresh = (small[key] and #small[key] or redis.call('STRLEN', S)) == 4 * from
  else fresh = not there[key] end
  if fresh then
    local packed = {}
    for slot, source in ipairs(sources) do
      packed[slot] = struct.pack('>I4', source)
      edges[#edges + 1] = { int(source), struct.pack('>I4I4', ord, from + slot - 1) }
    end
    if small[key] then small[key] = small[key] .. table.concat(packed)
    elseif more or width > 64 then
      redis.call('APPEND', S, table.concat(packed))
      redis.call('SADD', W .. ':k', ':s:' .. key)
    elseif #sources > 0 then small[key] = table.concat(packed) end
    if not more then nodes[#nodes + 1] = key; nodes[#nodes + 1] = what end
    if message then messages[#messages + 1] = key; messages[#messages + 1] = cmsgpack.pack(message) end
  end
end
local asked, sources = {}, {}
for _, edge in ipairs(edges) do
  if not asked[edge[1]] then asked[edge[1]] = true; sources[#sources + 1] = edge[1] end
end
local first, others, changed = ofHash(':o', sources), {}, {}
for _, edge in ipairs(edges) do
  local source, known = edge[1], first[edge[1]]
  if known then
    others[source] = (others[source] or '') .. edge[2]
    if #known == 8 then first[source] = known .. '+'; changed[source] = true end
  else first[source] = edge[2]; changed[source] = true end
end
for source, text in pairs(others) do
  redis.call('APPEND', W .. ':o:' .. source, text)
  redis.call('SADD', W .. ':k', ':o:' .. source)
end
local function flat(from, of)
  local list = {}
  for key in pairs(of) do list[#list + 1] = key; list[#list + 1] = from[key] end
  return list
end
write(':d', nodes)
write(':m', messages)
write(':s', flat(small, small))
write(':o', flat(first, changed))
redis.call('HSET', W, 'next', int(top))
`

const seal = `
local run = arg()
local W, clock = G .. 'wf:' .. run, now()
local was = redis.call('HMGET', W, 'state', 'sealed', 'next')
if not was[1] then return { 'none', 0 } end
if was[2] or was[1] ~= 'building' then return { 'known', 0 } end
local name, count, sink, fin, ff = arg(), number(), arg(), arg(), arg()
local bodies = { arg(), arg(), arg(), arg() }
local ttl, ks, kf, deadline = arg(), arg(), arg(), arg()
redis.call('HSET', W, 'state', 'running', 'sealed', '1', 'name', name, 'count', int(count), 'sink', sink, 'end', fin, 'ff', ff,
  'succeeded', bodies[1], 'failed', bodies[2], 'cancelled', bodies[3], 'skipped', bodies[4], 'ttl', ttl, 'ks', ks, 'kf', kf,
  'next', int(math.max(count, tonumber(was[3]))))
redis.call('ZREM', G .. 'wf:expires', run)
if deadline ~= '' then redis.call('ZADD', G .. 'wf:deadlines', deadline, run) end
redis.call('HSET', W .. ':x', '', '0|' .. int(count - 1))
local w = wfOpen(run)
w.todo = { { 's', 0, count - 1, 1 } }
wfGo(w, clock)
wfSaveAll()
return { 'sealed', #wfMore }
`

/**
 * in: run, milliseconds until an unsealed one expires · nodes: ordinal, what it is, how many sources it has,
 * sources (how many of them, each), 1 and its message (stream, side, queue, line, delay, body, gates or '') or 0 · more
 * sources of a node: ordinal, '', the place of the first, sources, 0
 */
export const putScript: RedisScript = script('wf-put', `${put}return 1\n`)

/**
 * in: run, name, count, sink, end, spans (JSON), bodies (succeeded, failed, cancelled, skipped), milliseconds
 * (results, kept after success, kept after failure), deadline or '' · out: sealed, known or none; 1: more
 */
export const sealScript: RedisScript = script('wf-seal', seal)

/** Puts the last page and seals. in: what {@link putScript} takes, what {@link sealScript} takes · out: what that answers */
export const putAndSealScript: RedisScript = script(
  'wf-put-seal',
  `
local function put()
${put}end
put()
${seal}`,
)

/** in: run · out: 1 where something is left to do */
export const pumpScript: RedisScript = script(
  'wf-pump',
  `
local w = wfOpen(arg())
if not w or #w.todo == 0 then return 0 end
wfGo(w, now())
wfSaveAll()
return #wfMore
`,
)

/** Cancels a run. in: run, reason · out: ok, final or unknown; 1: more */
export const cancelRunScript: RedisScript = script(
  'wf-cancel',
  `
local w, reason, clock = wfOpen(arg()), arg(), now()
if not w then return { 'unknown', 0 } end
if w.ended then return { 'final', 0 } end
w.reason = reason
wfEnd(w, 'cancelled', nil, clock)
local list = wfExtents(w)
for i = #list, 1, -1 do wfPush(w, { 'd', list[i][1], list[i][2] }) end
wfGo(w, clock)
wfSaveAll()
return { 'ok', #wfMore }
`,
)

/** Resumes a run. in: run, expected generation · out: ok, final, conflict or unknown; 1: more */
export const resumeRunScript: RedisScript = script(
  'wf-resume',
  `
local w, expected, clock = wfOpen(arg()), number(), now()
if not w then return { 'unknown', 0 } end
if w.gen ~= expected then return { 'conflict', 0 } end
if not w.sealed or (w.state ~= 'failed' and w.state ~= 'cancelled') then return { 'final', 0 } end
if w.gen >= 65535 then return redis.error_reply('the workflow was resumed too often') end
wfTakeBack()
w.gen, w.state, w.ended, w.cause, w.reason = w.gen + 1, 'resuming', nil, nil, nil
redis.call('ZREM', G .. 'wf:expires', w.run)
w.todo = { { 'b' }, { 'r', 0, tonumber(redis.call('HGET', w.W, 'count')) - 1 } }
wfGo(w, clock)
wfSaveAll()
return { 'ok', #wfMore }
`,
)

/** in: places: run, ordinal, generation · out for each: a reason, or its source (-1: none) and its input (if it takes one) */
export const startScript: RedisScript = script(
  'wf-check',
  `${valuesLua}
local answer = {}
for i = 1, number() do
  local run, ord, gen = arg(), number(), number()
  local w = wfOpen(run)
  local n = w and wfNode(w, ord)
  if not w then answer[i] = 'its workflow is not kept any more'
  elseif w.state == 'cancelled' then answer[i] = 'its workflow was cancelled: ' .. (w.reason or '')
  elseif w.state ~= 'running' or w.gen ~= gen or not n or n.state ~= 'r' or n.gen ~= gen then answer[i] = 'its workflow has gone on without it'
  else answer[i] = wfInput(w, n) end
end
return answer
`,
)

/** in: run, ordinal · out: its value */
export const valueScript: RedisScript = script(
  'wf-value',
  `${valuesLua}
local w, ord = wfOpen(arg()), number()
return w and wfValue(w, ord, { 64, 16384 }) or { 'z' }
`,
)

/** in: run, ordinal of a join, from, limit · out: values */
export const valuesScript: RedisScript = script(
  'wf-values',
  `${valuesLua}
local w, ord, from, limit = wfOpen(arg()), number(), number(), number()
local n = w and wfNode(w, ord)
if not n or n.empty then return {} end
local list = {}
for i, source in ipairs(wfSources(w, n, from, limit)) do list[i] = wfValue(w, source, { 64, 16384 }) end
return list
`,
)

/** in: run, from, limit · out: nodes: ordinal, parent or '', what it is, where it is, sources (packed), value, whether there is one */
export const nodesScript: RedisScript = script(
  'wf-nodes',
  `
local w, from, limit = wfOpen(arg()), number(), number()
local list = {}
for _, x in ipairs(w and wfExtents(w) or {}) do
  for ord = math.max(x[1], from), x[2] do
    if #list >= limit then break end
    local d = redis.call('HGET', w.W .. ':d', ord)
    if d then
      local n = wfNode(w, ord)
      local value = n.kind == 't' and redis.call('HGET', w.W .. ':v', ord)
      local sources = {}
      for i, source in ipairs(wfSources(w, n, 0, 1000)) do sources[i] = int(source) end
      list[#list + 1] = { ord, int(x[3]), d, redis.call('HGET', w.W .. ':n', ord) or '', table.concat(sources, ','), value or '', value and 1 or 0 }
    end
  end
end
return list
`,
)

/** in: runs · out: of each its fields, or an empty list */
export const runsScript: RedisScript = script(
  'wf-runs',
  `
local answer = {}
for i = 1, number() do
  answer[i] = redis.call('HMGET', G .. 'wf:' .. arg(), 'state', 'name', 'gen', 'count', 'next', 'sink', 'end', 'created', 'ended', 'cause', 'reason')
end
return answer
`,
)

/** in: limit, reason of a deadline · out: runs with something left to do */
export const sweepScript: RedisScript = script(
  'wf-sweep',
  `
local limit, reason, clock = number(), arg(), now()
for _, run in ipairs(redis.call('ZRANGEBYSCORE', G .. 'wf:deadlines', '-inf', int(clock), 'LIMIT', 0, limit)) do
  local w = wfOpen(run)
  if not w or w.ended then redis.call('ZREM', G .. 'wf:deadlines', run)
  else
    w.reason = reason
    wfEnd(w, 'cancelled', nil, clock)
    local list = wfExtents(w)
    for i = #list, 1, -1 do wfPush(w, { 'd', list[i][1], list[i][2] }) end
  end
end
wfSaveAll()
local left = 500
for _, run in ipairs(redis.call('ZRANGEBYSCORE', G .. 'wf:expires', '-inf', int(clock), 'LIMIT', 0, limit)) do
  if left <= 0 then break end
  local W = G .. 'wf:' .. run
  if redis.call('SISMEMBER', G .. 'wf:todo', run) == 0 then
    for _, name in ipairs(redis.call('SPOP', W .. ':k', left)) do
      redis.call('UNLINK', W .. name)
      left = left - 1
    end
    if redis.call('EXISTS', W .. ':k') == 0 then
      redis.call('UNLINK', W, W .. ':d', W .. ':n', W .. ':m', W .. ':v', W .. ':s', W .. ':o', W .. ':x')
      redis.call('ZREM', G .. 'wf:expires', run)
      redis.call('ZREM', G .. 'wf:runs', run)
      left = left - 1
    end
  end
end
local more = redis.call('SRANDMEMBER', G .. 'wf:todo', limit)
return more
`,
)
