import type { StandardSchemaV1 } from '@standard-schema/spec'
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
  return parseNow(schema, value, what)
}

/** The same, at once where the schema is: its promise only where it gives one. @throws InvalidInputError */
export function parseNow(schema: Schema, value: unknown, what: string): unknown {
  const checked = schema['~standard'].validate(value)
  return checked instanceof Promise
    ? checked.then((result) => valueOf(result, what))
    : valueOf(checked, what)
}

function valueOf(result: StandardSchemaV1.Result<unknown>, what: string): unknown {
  if (result.issues === undefined) return result.value
  const issues = result.issues.map((issue) => {
    const path = (issue.path ?? []).map((step) =>
      String(typeof step === 'object' ? step.key : step),
    )
    return path.length === 0 ? issue.message : `${path.join('.')}: ${issue.message}`
  })
  throw new InvalidInputError(`${what} does not fit its schema: ${issues.join('; ')}`, { issues })
}
