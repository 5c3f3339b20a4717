/** Holds `docs/reference/errors.md` and the closed list of error codes together. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as errors from '../../src/core/errors.ts'

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const page = read('docs/reference/errors.md')
const source = read('src/core/errors.ts')

/** The codes of the union, from the source: a type leaves nothing to ask at run time. */
const union = /export type ErrorCode =((?:\s*\| '[A-Z_]+')+)/.exec(source)?.[1] ?? ''
const codes = [...union.matchAll(/'([A-Z_]+)'/g)].map((match) => match[1]!)
const entries = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((entry) => [entry.slice(0, entry.indexOf('\n')), entry.split(/^## /m)[0]!] as const),
)

describe('the page of errors', () => {
  it('has an entry for each code, and no other', () => {
    expect(codes.length).toBeGreaterThan(20)
    expect([...entries.keys()].sort()).toEqual([...codes].sort())
  })

  it.each(codes)('says of %s what happened and what to do', (code) => {
    const [before, after = ''] = (entries.get(code) ?? '').split('**Do:** ')
    expect(before!.length).toBeGreaterThan(code.length + 40)
    expect(after.trim().length).toBeGreaterThan(15)
  })

  it('lists each code once, with a link and a class that has it', () => {
    const rows = [...page.matchAll(/^\| \[`([A-Z_]+)`\]\(#([a-z_]+)\) \| `(\w+)` \| .+ \|$/gm)]
    expect(rows.map((row) => row[1])).toEqual(codes)
    for (const [, code, anchor, name] of rows) {
      expect(anchor).toBe(code!.toLowerCase())
      expect(errors).toHaveProperty(name!)
      const body = source.split(`class ${name!} `)[1]?.split('\nexport ')[0]
      expect(body).toContain(`'${code!}'`)
    }
  })

  it('links to what is there', () => {
    const links = [...page.matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1]!)
    for (const link of links) {
      const [path = '', anchor] = link.split('#')
      const target =
        path === '' ? page : read(`docs/reference/${path}`.replace('reference/../', ''))
      if (anchor === undefined) continue
      const headings = [...target.matchAll(/^#+ (.+)$/gm)].map((match) =>
        match[1]!
          .toLowerCase()
          .replaceAll(/[^a-z0-9_ -]/g, '')
          .replaceAll(' ', '-'),
      )
      expect(headings).toContain(anchor)
    }
  })
})
