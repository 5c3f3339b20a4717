/** What the tests of broker and worker share. */
import type { Transport } from '../../../src/core/transport.ts'
import type { TransportFactory } from '../../../src/core/vendor.ts'
import { logTo, type LogFields, type Logger } from '../../../src/core/logger.ts'
import { memoryTransport } from '../../../src/memory/memory-transport.ts'

/** The memory transport with some methods in other hands. */
export function altered(
  alter: (inner: Transport) => Partial<Transport>,
  factory: TransportFactory = memoryTransport(),
): TransportFactory {
  return {
    ...factory,
    create(surroundings) {
      const opened = factory.create(surroundings)
      const inner = opened.transport
      const other: Partial<Transport> = alter(inner)
      const transport = new Proxy(inner, {
        get(target, key) {
          if (key in other) return Reflect.get(other, key) as unknown
          const value: unknown = Reflect.get(target, key, target)
          return typeof value === 'function' ? (value.bind(target) as unknown) : value
        },
      })
      return { ...opened, transport }
    },
  }
}

/** A promise that the test settles. */
export function deferred<T = void>(): {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: unknown) => void
} {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  promise.catch(() => {})
  return { promise, resolve, reject }
}

/** A logger that keeps its lines. */
export function recording(): {
  logger: Logger
  lines: { level: string; message: string; fields: LogFields }[]
} {
  const lines: { level: string; message: string; fields: LogFields }[] = []
  return {
    lines,
    logger: logTo((level, message, fields) => void lines.push({ level, message, fields })),
  }
}

/** What a promise rejected with. */
export async function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('it resolved')
    },
    (error: unknown) => error,
  )
}

/** Lets promise chains go on. */
export async function turns(count = 50): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve()
}
