import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'

const root = new URL('../../..', import.meta.url).pathname
// Inside the project, so that the program finds `taskwright` and zod as any user's would.
const folder = mkdtempSync(join(root, 'tests', '.instantiations-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const forms = [
  (i: number) => `broker.task('t${i}', async (id: string, n: number) => id.length + n)`,
  (i: number) =>
    `broker.task({ name: 't${i}', deps: { session, ctx: TaskContext } }, async ({ session, ctx }, id: string) => session.find(id) + ctx.attempt)`,
  (i: number) =>
    `broker.task({ name: 't${i}', input: z.object({ id: z.string(), n: z.number() }) }, async ({ id, n }) => ({ id, n }))`,
]

function program(): string {
  const tasks = Array.from({ length: 300 }, (_, i) => {
    const args = ["'a', 1", "'a'", "{ id: 'a', n: 1 }"][i % 3] ?? ''
    return `export const t${i} = ${forms[i % 3]?.(i) ?? ''}\nexport const h${i} = (await t${i}.kiq(${args})).result()`
  })
  return `import * as z from 'zod'
import { TaskContext, createBroker, dependency, gather } from 'taskwright'
const broker = createBroker('memory:')
const session = dependency(() => ({ find: (id: string) => id.length }))
${tasks.join('\n')}
`
}

it('type-checks 300 tasks in at most 400,000 instantiations', () => {
  writeFileSync(join(folder, 'program.ts'), program())
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', include: ['program.ts'] }),
  )
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const output = execFileSync(process.execPath, [compiler, '-p', folder, '--extendedDiagnostics'], {
    encoding: 'utf8',
  })
  const instantiations = Number(/Instantiations:\s+(\d+)/.exec(output)?.[1])
  expect(instantiations).toBeGreaterThan(1000)
  expect(instantiations).toBeLessThanOrEqual(400_000)
  console.info(`instantiations for 300 tasks: ${instantiations}`)
})
