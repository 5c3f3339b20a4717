/**
 * `--plans N`: what it takes a scheduler to begin with so many plans made at run time, beside TaskIQ's
 * `ListRedisScheduleSource` on the same data. Each in a process of its own, in the same order each round.
 *
 * Ours has checked each plan, made it known to the store, and knows when it is due; TaskIQ's has read them.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { load } from './machine.ts'
import type { LoadedPlans } from './plan-load-child.ts'
import { makeDatabase } from './redis-server.ts'

const run = promisify(execFile)
const child = fileURLToPath(new URL('./plan-load-child.js', import.meta.url))
const python = fileURLToPath(new URL('../node_modules/.python/bin/python', import.meta.url))
const program = fileURLToPath(new URL('../python/schedule_load.py', import.meta.url))

/** Measures and prints. */
export async function measurePlans(count: number, runs: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'taskwright-plans-'))
  try {
    const subjects = [
      { name: 'SQLite', kind: 'sqlite', place: join(folder, 'tasks.db') },
      { name: 'Redis', kind: 'redis', place: await makeDatabase() },
      { name: "Redis, TaskIQ's layout", kind: 'taskiq', place: await makeDatabase() },
    ] as const
    for (const { kind, place } of subjects) await inChild('fill', { kind, place, count })
    const rows = new Map<string, LoadedPlans[]>()
    const add = (name: string, row: LoadedPlans): void => {
      rows.set(name, [...(rows.get(name) ?? []), row])
    }
    for (let i = 0; i < runs; i++) {
      for (const { name, kind, place } of subjects) {
        // The first one makes the plans known to the store; every later one finds them there.
        add(
          `Taskwright, ${name}${i === 0 ? ', first start' : ''}`,
          await inChild('load', { kind, place, count }),
        )
      }
      const shared = subjects[2]
      if (existsSync(python)) {
        const { stdout } = await run(python, [program, shared.place])
        add("TaskIQ's ListRedisScheduleSource", JSON.parse(stdout) as LoadedPlans)
      }
    }
    print(rows)
    if (!existsSync(python)) console.log('TaskIQ was not measured: add --peers.')
    console.log(`Load average ${load().toFixed(2)}.`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function inChild(
  what: 'fill' | 'load',
  { kind, place, count }: { kind: string; place: string; count: number },
): Promise<LoadedPlans> {
  const { stdout } = await run(process.execPath, [
    '--expose-gc',
    child,
    what,
    kind,
    place,
    String(count),
  ])
  return JSON.parse(stdout) as LoadedPlans
}

function print(rows: ReadonlyMap<string, readonly LoadedPlans[]>): void {
  console.log('| medians | plans | wall (ms) | processor (ms) | memory (MB) | peak (MB) |')
  console.log('|---|--:|--:|--:|--:|--:|')
  for (const [name, runs] of rows) {
    const of = (key: keyof LoadedPlans): number => {
      const sorted = runs.map((row) => row[key]).sort((a, b) => a - b)
      return sorted[Math.floor(sorted.length / 2)] ?? 0
    }
    const cells = [
      of('plans'),
      Math.round(of('wall')),
      Math.round(of('cpu')),
      Math.round(of('memory') / 1e6),
      Math.round(of('peak') / 1e6),
    ]
    console.log(`| ${name} | ${cells.join(' | ')} |`)
  }
}
