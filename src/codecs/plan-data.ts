import { InvalidInputError } from '../core/errors.ts'
import type { PlanTiming, SchedulePlan } from '../core/schedule-plan.ts'
import { taskiqJson } from './taskiq-json.ts'

/** A plan as text: its message by the codec of messages, so that its data is what arrives; the rest as JSON. */
interface PlanText extends PlanTiming {
  readonly message: string
  readonly queue?: string | undefined
  readonly taskId?: string | undefined
}

// Only we read it: dates, bytes and big whole numbers stay what they are.
const codec = taskiqJson({ richTypes: true })

/** The plan's text, without its id. @throws DataNotPlainError, PayloadTooLargeError */
export function encodePlan(plan: SchedulePlan): string {
  const { task, args, kwargs, labels, ...rest } = plan
  const message = codec.encodeMessage({ id: '0', task, args, kwargs, labels })
  return JSON.stringify({ ...rest, id: undefined, message })
}

/** Reads the texts that {@link encodePlan} wrote, by id; those that cannot be read are told with the reason. */
export function decodePlans(rows: Iterable<readonly [id: string, text: string]>): {
  plans: SchedulePlan[]
  unreadable: { id: string; why: string }[]
} {
  const plans: SchedulePlan[] = []
  const unreadable: { id: string; why: string }[] = []
  for (const [id, text] of rows) {
    try {
      plans.push(decodePlan(id, text))
    } catch (error) {
      unreadable.push({ id, why: (error as Error).message })
    }
  }
  return { plans, unreadable }
}

function decodePlan(id: string, text: string): SchedulePlan {
  const read: unknown = JSON.parse(text)
  if (typeof read !== 'object' || read === null || !('message' in read)) {
    throw new InvalidInputError('this is not the text of a plan.')
  }
  const { message, ...rest } = read as PlanText
  const { task, args, kwargs, labels } = codec.decodeMessage(String(message))
  return { id, task, args, kwargs, labels, ...rest }
}
