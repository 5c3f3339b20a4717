import { InvalidInputError } from '../core/errors.ts'
import type { Schema } from './task-options.ts'

/**
 * Parses a value by a Standard Schema.
 * @throws InvalidInputError with one line for each issue.
 */
export async function parseBySchema(
  schema: Schema,
  value: unknown,
  what: string,
): Promise<unknown> {
  const checked = schema['~standard'].validate(value)
  const result = checked instanceof Promise ? await checked : checked
  if (result.issues === undefined) return result.value
  const issues = result.issues.map((issue) => {
    const path = (issue.path ?? []).map((step) =>
      String(typeof step === 'object' ? step.key : step),
    )
    return path.length === 0 ? issue.message : `${path.join('.')}: ${issue.message}`
  })
  throw new InvalidInputError(`${what} does not fit its schema: ${issues.join('; ')}`, { issues })
}
