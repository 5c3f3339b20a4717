/**
 * Whether this thread or process is an isolated run. On the global object, so that another copy of
 * this package in it knows as well.
 */
const isolatedKey: unique symbol = Symbol.for('taskwright.isolated')

const place: typeof globalThis & { [isolatedKey]?: true } = globalThis

/** Says that this thread or process is an isolated run. */
export function enterIsolation(): void {
  place[isolatedKey] = true
}

/** Whether it is. */
export function isIsolated(): boolean {
  return place[isolatedKey] === true
}
