import type { Dependencies } from '../core/dependency.ts'
import { milliseconds, type Duration } from '../core/duration.ts'
import { DefinitionError, InvalidInputError } from '../core/errors.ts'
import { priorityNumber, type Labels } from '../core/labels.ts'
import { retryPolicy, type RetryOptions } from '../core/retry.ts'
import type { ScheduleLine } from '../core/schedule-line.ts'
import { readWants } from '../dependencies/definition.ts'
import { checkSchedule } from '../cron/check-schedule.ts'
import { checkLabels } from './check-labels.ts'
import { readClaimCheck } from './claim-check.ts'
import { definitionSite } from './definition-site.ts'
import type { RatePolicy } from './gate-options.ts'
import { readExpiry } from './expiry.ts'
import { readGates } from './gate-policy.ts'
import { readRate } from './rate-limits.ts'
import type { AnyHandler, RegisteredTask } from './registry.ts'
import type { Schema, TaskOptions } from './task-options.ts'
import { readUnique } from './unique-policy.ts'

/** The options of a task when its types have been checked. */
export type AnyTaskOptions = TaskOptions<
  Dependencies | undefined,
  Schema | undefined,
  readonly string[] | undefined,
  readonly ScheduleLine[] | undefined
>

const known: ReadonlySet<string> = new Set<keyof AnyTaskOptions>([
  'name',
  'aliases',
  'deps',
  'input',
  'params',
  'schedule',
  'queue',
  'timeout',
  'grace',
  'retry',
  'labels',
  'priority',
  'result',
  'claimCheck',
  'concurrency',
  'rate',
  'expires',
  'ordered',
  'fair',
  'unique',
  'debounce',
  'throttle',
  'isolate',
])

/** Names of tasks and queues: also stream, file and routing key names elsewhere. */
const nameForm = /^[A-Za-z0-9_.:/-]{1,200}$/

/**
 * Reads the options of a task: everything that the types refuse is refused here too, for callers
 * without types.
 * @throws DefinitionError
 */
export function readDefinition(
  nameOrOptions: string | AnyTaskOptions,
  handler: unknown,
): RegisteredTask {
  const options = typeof nameOrOptions === 'string' ? { name: nameOrOptions } : nameOrOptions
  if (typeof options !== 'object' || options === null) {
    throw new DefinitionError(
      'a task needs a name: broker.task("name", handler) or broker.task({ name: "name" }, handler).',
    )
  }
  const name = checkName(options.name, 'task')
  const fail = (what: string, cause?: unknown): never => {
    throw new DefinitionError(`task '${name}': ${what}`, { cause })
  }
  for (const key of Object.keys(options)) {
    if (!known.has(key)) fail(`there is no option '${key}'. Known: ${[...known].join(', ')}.`)
  }
  if (typeof handler !== 'function') fail('the second argument must be its handler, a function.')
  const { deps, input, params, schedule } = options
  if (deps !== undefined) readWants(deps, `task '${name}'`)
  if (input !== undefined && typeof input?.['~standard']?.validate !== 'function') {
    fail('`input` must be a Standard Schema (zod, valibot, arktype, …).')
  }
  if (input !== undefined && params !== undefined) fail('give `input` or `params`, not both.')
  if (params !== undefined)
    checkParams({ params, handler: handler as AnyHandler, withDeps: deps !== undefined }, fail)
  if (schedule !== undefined) {
    try {
      checkSchedule(schedule)
    } catch (error) {
      fail((error as Error).message, error)
    }
  }
  const site = definitionSite()
  if (options.isolate !== undefined) {
    if (options.isolate !== 'thread' && options.isolate !== 'process')
      fail("`isolate` is 'thread' or 'process'.")
    if (site === undefined) {
      fail(
        'an isolated task must be defined and exported in a file, so that the thread or process can load it.',
      )
    }
  }
  return {
    name,
    aliases: checkAliases(options.aliases, fail),
    handler: handler as AnyHandler,
    deps,
    input,
    output: undefined,
    params,
    queue: options.queue === undefined ? undefined : checkName(options.queue, 'queue'),
    timeout: time(options.timeout, 'timeout', fail),
    grace: time(options.grace, 'grace', fail),
    retry: checkRetry(options.retry, fail),
    labels: readLabels(options.labels, fail),
    priority: checkPriority(options.priority, fail),
    result:
      options.result === false || options.result === undefined
        ? options.result
        : { expiresIn: time(options.result.expiresIn, 'result.expiresIn', fail) },
    claimCheck: checked(() => readClaimCheck(options.claimCheck), fail),
    unique: checked(() => readUnique(options), fail),
    rate: checked(() => readTaskRate(options.rate), fail),
    gates: checked(() => readGates(options), fail),
    expires: checked(() => readExpiry(options.expires), fail),
    isolate: options.isolate,
    schedule: schedule ?? [],
    definedAt: site,
  }
}

/** The registration of a task whose code lives elsewhere. @throws DefinitionError */
export function readRemoteDefinition(
  nameOrOptions:
    | string
    | {
        name: string
        params?: readonly string[] | undefined
        queue?: string | undefined
        input?: Schema
        output?: Schema
      },
): RegisteredTask {
  const options = typeof nameOrOptions === 'string' ? { name: nameOrOptions } : nameOrOptions
  return {
    ...readDefinition(
      {
        name: options.name,
        queue: options.queue,
        ...(options.input === undefined ? {} : { input: options.input }),
      },
      () => {},
    ),
    params: options.params,
    output: options.output,
    handler: undefined,
  }
}

/** @throws DefinitionError when it is not a name for a task or queue. */
export function checkName(name: unknown, what: 'task' | 'queue'): string {
  if (typeof name === 'string' && nameForm.test(name)) return name
  throw new DefinitionError(
    `${typeof name === 'string' ? `'${name.slice(0, 80)}'` : String(name)} is not a name for a ${what}: use 1 to 200 letters, digits and _ . : / -.`,
  )
}

type Fail = (what: string, cause?: unknown) => never

function checkAliases(aliases: readonly string[] | undefined, fail: Fail): readonly string[] {
  if (aliases === undefined) return []
  if (!Array.isArray(aliases)) return fail('`aliases` must be a list of names.')
  return aliases.map((alias) => checkName(alias, 'task'))
}

function checkParams(
  given: { params: readonly string[]; handler: AnyHandler; withDeps: boolean },
  fail: Fail,
): void {
  const { params, handler, withDeps } = given
  if (!Array.isArray(params) || params.some((name) => typeof name !== 'string' || name === '')) {
    fail('`params` must be a list of names.')
  }
  if (new Set(params).size !== params.length) fail('`params` names an argument twice.')
  // `length` stops at the first default or rest argument, so it is a lower bound only.
  const least = handler.length - (withDeps ? 1 : 0)
  if (params.length < least) {
    fail(
      `\`params\` needs one name for each argument of the handler (${least} at least, not ${params.length}).`,
    )
  }
}

function checkRetry(
  retry: RetryOptions | false | undefined,
  fail: Fail,
): RetryOptions | false | undefined {
  try {
    if (retry !== undefined) retryPolicy(retry)
  } catch (error) {
    fail((error as Error).message, error)
  }
  return retry
}

function checked<T>(read: () => T, fail: Fail): T {
  try {
    return read()
  } catch (error) {
    return fail((error as Error).message, error)
  }
}

function readLabels(labels: Labels | undefined, fail: Fail): Labels {
  try {
    return checkLabels(labels ?? {})
  } catch (error) {
    return fail((error as Error).message, error)
  }
}

function checkPriority(priority: unknown, fail: Fail): number | undefined {
  if (priority === undefined) return undefined
  const level = priorityNumber(priority)
  return (
    level ??
    fail("`priority` is 'low', 'normal', 'high', 'critical' or a whole number from 0 to 9.")
  )
}

function time(value: Duration | undefined, what: string, fail: Fail): number | undefined {
  if (value === undefined) return undefined
  let ms = 0
  try {
    ms = milliseconds(value)
  } catch (error) {
    fail(`\`${what}\` is ${(error as Error).message}`, error)
  }
  return ms > 0 ? ms : fail(`\`${what}\` must be more than 0.`)
}

/** @throws InvalidInputError */
function readTaskRate(options: AnyTaskOptions['rate']): RatePolicy | undefined {
  if (options === undefined) return undefined
  const { key } = options
  if (key !== undefined && typeof key !== 'function')
    throw new InvalidInputError('`key` is a function of the arguments that returns a text.')
  return { rule: readRate(options), key }
}
