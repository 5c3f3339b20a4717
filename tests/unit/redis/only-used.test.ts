import { describe, expect, it } from 'vitest'
import { onlyUsed } from '../../../src/redis/scripts/only-used.ts'

const shared = `
local at = 4
local function arg() at = at + 1; return ARGV[at - 1] end
-- Uses unused() only in this comment.
local function number() return tonumber(arg()) end

local function walk(list)
  for _, item in ipairs(list) do
    if item then number() end
  end
end
local late
local function unused(list)
  return walk(list)
end
late = function() return number() end
`

/** What of the shared functions is left. */
const left = (body: string): string[] =>
  [...onlyUsed(`${shared}${body}`).matchAll(/local function (\w+)/g)].map(([, name]) => name ?? '')

describe('a script', () => {
  it.each([
    // `late` stands at the top level, so it and what it names are there in any case.
    ['names nothing', 'return 1', ['arg', 'number']],
    ['names one in a quoted text', "return redis.call('walk')", ['arg', 'number']],
    ['names one in a comment', 'return 1 -- not unused()', ['arg', 'number']],
    ['names one', 'return walk({})', ['arg', 'number', 'walk']],
    ['names one that names others', 'return unused({})', ['arg', 'number', 'walk', 'unused']],
  ])('that %s keeps what it needs', (_, body, names) => {
    expect(left(body)).toEqual(names)
  })

  it('keeps the order of what is left, and all that is no function', () => {
    expect(onlyUsed(`${shared}return walk({})`)).toBe(`
local at = 4
local function arg() at = at + 1; return ARGV[at - 1] end
local function number() return tonumber(arg()) end

local function walk(list)
  for _, item in ipairs(list) do
    if item then number() end
  end
end
local late
late = function() return number() end
return walk({})`)
  })

  it('keeps both functions of one name', () => {
    const twice = 'local function a() return 1 end\nlocal function a() return 2 end\nreturn a()'
    expect(onlyUsed(twice)).toBe(twice)
  })

  const grouped = `
local held = {}
--[ seldom
local rank = 4
local function inner(id) return held[id] + rank end
-- What others call.
local function outer(id) return inner(id) end
local function other(id) return inner(id) end
--] seldom
local function use(id) return outer(id) .. 'outer(id)' .. "it's outer(id)" -- outer(id)
end
`

  it('makes a group of seldom used functions at the first call of one', () => {
    expect(onlyUsed(`${grouped}return use(1)`)).toBe(`
local held = {}
local seldomMade
local function seldom()
if seldomMade then return seldomMade end
local rank = 4
local function inner(id) return held[id] + rank end
local function outer(id) return inner(id) end
seldomMade = { outer = outer }
return seldomMade
end
local function use(id) return seldom().outer(id) .. 'outer(id)' .. "it's outer(id)" -- outer(id)
end
return use(1)`)
  })

  it('has no group of which it names nothing', () => {
    expect(onlyUsed(`${grouped}return 1`)).toBe('\nlocal held = {}\nreturn 1')
  })
})
