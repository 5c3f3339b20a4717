/** A fresh process for one subject: does the steps that its parent sends, answers, and ends. */
import { runSteps } from './run-steps.ts'
import type { FromChild, ToChild } from './steps.ts'
import { openSubject } from './subject-list.ts'

const tell = (message: FromChild): void => void process.send?.(message)
let stop: () => void = () => {}
const stopAsked = new Promise<void>((resolve) => (stop = resolve))

process.on('message', (message: ToChild) => {
  if (message.kind === 'stop') stop()
  else void run(message)
})

async function run({ subject, steps }: ToChild & { kind: 'run' }): Promise<void> {
  try {
    const reports = await runSteps({
      open: () => openSubject(subject),
      openRaw: () => openSubject({ ...subject, peer: 'raw' }),
      ownFill: subject.peer !== 'taskwright',
      steps,
      stopAsked,
      onServing: () => tell({ kind: 'serving' }),
    })
    tell({ kind: 'done', reports })
  } catch (error) {
    tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
  }
  process.disconnect()
}
