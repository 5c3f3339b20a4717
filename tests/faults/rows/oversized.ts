/** Row 38: what is too large. */
import { PayloadTooLargeError } from 'taskwright'
import { shortfalls } from '../expectations.ts'
import { row } from '../row.ts'
import { onStage, type Stage } from '../stage.ts'
import { send } from '../worker/tasks.ts'

/** Bytes of a message or a result, by default. */
const limit = 4_194_304
/** What a message has beside its one argument, at most. */
const around = 1000
/** Resident memory that a worker may come to, with several of the largest in its hands. */
const mostMemory = 900 * 2 ** 20

/** Row 38. */
export const oversizedData = row({
  id: '38',
  fault: 'payload, result, progress and error near and beyond the limit',
  expected: 'refused at the send, or stored as a failure; memory bounded',
  engines: ['sqlite'],
  sizes: { A: { largest: 10 }, B: { largest: 60 }, C: { largest: 100 } },
  run: (options, { largest }) =>
    onStage(
      options,
      { name: 'oversized', workers: 1, sampleEvery: 200, execArgv: ['--expose-gc'] },
      async (stage) => {
        await stage.start()
        const faults: string[] = []
        const expect = (what: string, holds: boolean): void => void (holds || faults.push(what))
        for (const share of [0.5, 0.9, 1.1, largest]) {
          const size = Math.round(limit * share)
          const fits = share < 1
          const said = `${share} of the limit`
          expect(`an argument of ${said}`, (await sendsText(stage, size)) === fits)
          expect(
            `a result of ${said}`,
            (await echoes(stage, size)) === (fits ? 'succeeded' : 'failed'),
          )
          expect(
            `progress of ${said}`,
            (await reports(stage, size)) === (fits ? 'kept' : 'refused'),
          )
          expect(`an error of ${said}`, (await failsWith(stage, size)) === 'failed')
        }
        expect('an argument just within the limit', await sendsText(stage, limit - around))
        expect('an argument just beyond the limit', !(await sendsText(stage, limit)))
        await stage.sendWork(50)
        await stage.drain()
        const [pid] = stage.fleet.members.map((member) => member.pid)
        const { verdict, entries } = await stage.judge()
        const peak = Math.max(...entries.flatMap((e) => (e.kind === 'sample' ? [e.rss] : [])))
        const megabytes = Math.round(peak / 2 ** 20)
        const also = {
          'the worker lives': pid !== undefined,
          [`its memory stays below ${mostMemory} (${peak})`]: peak < mostMemory,
        }
        return {
          verdict,
          faults: [...faults, ...shortfalls(verdict, { dead: verdict.dead, also })],
          facts: { 'peak MB': megabytes },
        }
      },
    ),
})

/** Whether a text of so many bytes can be sent; what can be must also be run. */
async function sendsText({ tasks, ledger }: Stage, size: number): Promise<boolean> {
  const id = `text-${size}`
  const text = 'x'.repeat(size)
  ledger.write({ kind: 'attempt', id })
  try {
    const handle = await tasks.measure.kicker().withTaskId(id).kiq(text)
    ledger.write({ kind: 'ack', id, known: handle.isDuplicate })
    return (await handle.result({ timeout: '30s' })) === size
  } catch (error) {
    ledger.write({ kind: 'refused', id, error: (error as Error).name })
    if (error instanceof PayloadTooLargeError) return false
    throw error
  }
}

async function echoes({ tasks, ledger, broker }: Stage, size: number): Promise<string> {
  const id = `echo-${size}`
  await send(ledger, { kind: 'attempt', id }, () => tasks.echo.kicker().withTaskId(id).kiq(size))
  return (await broker.handle(id).waitResult({ timeout: '60s' })).status
}

async function reports({ tasks, ledger, broker }: Stage, size: number): Promise<string> {
  const id = `report-${size}`
  await send(ledger, { kind: 'attempt', id }, () => tasks.report.kicker().withTaskId(id).kiq(size))
  return broker.handle<string>(id).result({ timeout: '60s' })
}

async function failsWith({ tasks, ledger, broker }: Stage, size: number): Promise<string> {
  const id = `fail-${size}`
  await send(ledger, { kind: 'attempt', id }, () =>
    tasks.failLong.kicker().withTaskId(id).kiq(size),
  )
  return (await broker.handle(id).waitResult({ timeout: '60s' })).status
}
