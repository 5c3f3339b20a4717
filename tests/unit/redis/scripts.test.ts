/** All scripts, as they are put together: nothing that one calls was left out, and no function swallowed another. */
import { readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { RedisScript } from '../../../src/redis/scripts/redis-script.ts'

const folder = new URL('../../../src/redis/scripts/', import.meta.url)
const texts: string[] = []
const scripts: RedisScript[] = []
for (const file of readdirSync(folder)) {
  const exported = (await import(new URL(file, folder).href)) as Record<string, unknown>
  for (const value of Object.values(exported)) {
    if (value instanceof RedisScript) scripts.push(value)
    else if (typeof value === 'string') texts.push(value)
  }
}
const define = /local function (\w+)/g
const codeOf = (lua: string): string => lua.replaceAll(/'[^']*'|"[^"]*"|--.*/g, '')
const namesOf = (lua: string): string[] => [...lua.matchAll(define)].map(([, name]) => name ?? '')
/** The functions that scripts share. */
const shared = new Set(texts.flatMap(namesOf))

it('there are many, and many functions that they share', () => {
  expect(scripts.length).toBeGreaterThan(40)
  expect(shared.size).toBeGreaterThan(80)
})

it.each(scripts.map((script) => [script.name, script] as const))(
  '%s has all that it calls',
  (_, script) => {
    const code = codeOf(script.source)
    const defined = new Set(namesOf(code))
    const called = [...code.matchAll(/(?<![.\w])(\w+)\(/g)].map(([, name]) => name ?? '')
    expect(called.filter((name) => shared.has(name) && !defined.has(name))).toEqual([])
    // One that is asked of its group is there, too.
    const asked = [...code.matchAll(/(\w+)\(\)\.(\w+)/g)]
    const missing = asked.filter(
      ([, group = '', name = '']) => !code.includes(`${name} = ${name}`) || !defined.has(group),
    )
    expect(missing.map(([text]) => text)).toEqual([])
  },
)
