/** examples/deploy: what stands there can be read by those it is for. */
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { milliseconds, type Duration } from '../../src/core/duration.ts'

const folder = new URL('../../examples/deploy', import.meta.url).pathname
const read = (file: string): string => readFileSync(join(folder, file), 'utf8')
/** What a command line says of its drain. */
const shutdownOf = (text: string): number =>
  milliseconds((/--shutdown-timeout[, ]+(\w+)/.exec(text)?.[1] ?? '') as Duration)

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

describe('deployments', () => {
  it('compose: Redis is durable and throws nothing away, workers have time to drain', () => {
    const { services } = parse(read('compose.yaml')) as {
      services: Record<string, { command: string; stop_grace_period?: string }>
    }
    expect(services['redis']?.command).toMatch(/--appendonly yes --appendfsync always/)
    expect(services['redis']?.command).toContain('--maxmemory-policy noeviction')
    const worker = services['worker']
    const grace = milliseconds((worker?.stop_grace_period ?? '') as Duration)
    expect(grace).toBeGreaterThan(shutdownOf(worker?.command ?? ''))
  })

  it('kubernetes: each document has a kind and a name, and pods have time to drain', () => {
    const documents = parseAllDocuments(read('kubernetes/worker.yaml'))
    expect(documents.flatMap(({ errors }) => errors)).toEqual([])
    const objects = documents.map((one) => one.toJS() as Record<string, never>)
    expect(objects.map(({ kind }) => kind)).toEqual([
      'Deployment',
      'ScaledObject',
      'PodDisruptionBudget',
    ])
    const [deployment] = objects as unknown as readonly [
      {
        spec: {
          template: {
            spec: {
              terminationGracePeriodSeconds: number
              containers: readonly { args: readonly string[] }[]
            }
          }
        }
      },
    ]
    const { terminationGracePeriodSeconds: seconds, containers } = deployment.spec.template.spec
    expect(1000 * seconds).toBeGreaterThan(shutdownOf(containers[0]?.args.join(' ') ?? ''))
  })

  for (const file of readdirSync(join(folder, 'systemd'))) {
    const name = `systemd: ${file} has time to drain`
    it(name, () => {
      const text = read(`systemd/${file}`)
      const seconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1])
      expect(1000 * seconds).toBeGreaterThan(shutdownOf(text))
      expect(text).toMatch(/^KillMode=mixed$/m)
    })

    it.skipIf(!hasSystemd)(`systemd: ${file} is verified (where systemd-analyze is)`, () => {
      const { stderr } = spawnSync('systemd-analyze', ['verify', join(folder, 'systemd', file)], {
        encoding: 'utf8',
      })
      // The program and the user of the example are not on this machine.
      const faults = stderr
        .split('\n')
        .filter((line) => line.includes(file) && !/is not executable|Command .* not/.test(line))
      expect(faults).toEqual([])
    })
  }
})
