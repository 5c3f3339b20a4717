import { systemClock, systemRandom } from 'taskwright'
import { timeOrderedIds } from '../../dist/core/ids.js'

/** The name of the task that is measured. */
export const taskName = 'noop'
export const queueName = 'default'
/** TaskIQ's own `normal`. */
export const priority = 4
/** What a task carries: 100 bytes. */
export const payload: string = 'x'.repeat(100)
/** How long bare loops hold what they claim, in milliseconds. */
export const lease = 30_000
/** How long results are kept, in milliseconds. */
export const resultLife = 86_400_000

/** Ids as the broker makes them. */
export const newId: () => string = timeOrderedIds(systemClock, systemRandom)

/** The bytes that the broker stores for a task, without the checks of its codec. */
export function messageBody(id: string, text: string): string {
  return JSON.stringify({
    task_id: id,
    task_name: taskName,
    labels: {},
    labels_types: {},
    args: [text],
    kwargs: {},
  })
}

/** The bytes that a worker stores as the result of a task that returns nothing. */
export const resultBody =
  '{"is_err":false,"log":null,"return_value":null,"execution_time":0.000123,"labels":{},"error":null}'
