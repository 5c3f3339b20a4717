import { describe, expect, it } from 'vitest'
import {
  armFailpoints,
  failpoint,
  failpointNames,
  type FailpointProcess,
} from '../../../src/core/failpoint.ts'

function fakeProcess(text: string, seed = '1'): FailpointProcess & { readonly done: string[] } {
  const done: string[] = []
  return {
    done,
    pid: 7,
    env: { TASKWRIGHT_FAILPOINT: text, TASKWRIGHT_FAILPOINT_SEED: seed },
    kill: (pid, signal) => done.push(`${signal} ${pid}`),
    exit: (code) => done.push(`exit ${code}`),
  }
}

describe('failpoints', () => {
  it('do nothing in a process that was started without any', () => {
    for (const name of failpointNames) expect(failpoint(name)).toBeUndefined()
  })

  it('strike as the environment says, and nowhere else', () => {
    const process = fakeProcess('run.started:kill, settle.after:stop,stop.idle:exit')
    const hit = armFailpoints(process)
    hit('settle.before')
    expect(process.done).toEqual([])
    hit('run.started')
    hit('settle.after')
    hit('stop.idle')
    expect(process.done).toEqual(['SIGKILL 7', 'SIGSTOP 7', 'exit 1'])
  })

  it('throw an error that names them', () => {
    expect(() => armFailpoints(fakeProcess('sqlite.begin:throw'))('sqlite.begin')).toThrow(
      "failpoint 'sqlite.begin'",
    )
  })

  it('strike at the nth hit only', () => {
    const process = fakeProcess('run.ended:exit@3')
    const hit = armFailpoints(process)
    for (let i = 1; i <= 5; i++) {
      hit('run.ended')
      expect(process.done).toHaveLength(i < 3 ? 0 : 1)
    }
  })

  it('strike by chance, the same way for the same seed', () => {
    const strikes = (seed: string): number[] => {
      const process = fakeProcess('run.ended:exit~0.1', seed)
      const hit = armFailpoints(process)
      return Array.from({ length: 1000 }, (_, i) => {
        const before = process.done.length
        hit('run.ended')
        return process.done.length > before ? i : -1
      }).filter((i) => i >= 0)
    }
    expect(strikes('1').length).toBeGreaterThan(50)
    expect(strikes('1').length).toBeLessThan(150)
    expect(strikes('1')).toEqual(strikes('1'))
    expect(strikes('2')).not.toEqual(strikes('1'))
  })

  it.each(['', 'run.started', 'run.started:explode', 'no.such:kill', 'run.started:kill@', 'a,b'])(
    'refuse %j: a test of faults without a fault would pass',
    (text) => {
      expect(() => armFailpoints(fakeProcess(text))).toThrow(/TASKWRIGHT_FAILPOINT: /)
    },
  )
})
