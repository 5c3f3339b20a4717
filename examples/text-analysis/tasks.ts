import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { TaskContext } from 'taskwright'
import { broker } from './broker.ts'
import { cutSections, measure, type Measures, type Section } from './sections.ts'

/** A section measured, and by whom. */
export interface Analysis extends Measures {
  readonly title: string
  readonly pid: number
  /** How often a worker lost this task before this run. */
  readonly redeliveries: number
}

/** Cuts a document into its sections. */
export const cut = broker.task('text.cut', async (file: string): Promise<Section[]> => {
  return cutSections(await readFile(file, 'utf8'))
})

/** Measures one section. */
export const analyse = broker.task(
  { name: 'text.analyse', deps: { ctx: TaskContext }, timeout: '30s' },
  async ({ ctx }, { title, text }: Section): Promise<Analysis> => {
    const measures = measure(text)
    // The measuring takes a millisecond. A real pipeline would now ask a model, which takes its time.
    await pause(400, undefined, { signal: ctx.signal })
    return { title, ...measures, pid: process.pid, redeliveries: ctx.redeliveries }
  },
)
