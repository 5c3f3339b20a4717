import { Redis } from 'ioredis'
import type { StoreUse } from '../engine.ts'
import { messageBody, newId, resultBody, resultLife } from '../message.ts'
import type { ServeOrder, Serving, Subject } from '../subject.ts'

/** The queue, the group and the field that the engine has by default. */
const stream = 'taskiq'
const group = 'taskiq'
const consumer = 'raw'
const batch = 100
/** Acknowledgements under way while the next entries are read. */
const inFlight = 2

interface RawUse extends StoreUse {
  readonly each?: boolean
}

type Entry = readonly [id: string, fields: readonly string[]]

/**
 * The limit on Redis: what ioredis can do with stream commands, and nothing around them. A hundred
 * entries are read while the hundred before are acknowledged and deleted. No fence, no codec, no lease
 * renewal, no delay, no priorities. (A client of one's own would be faster: see the decision record.)
 *
 * `each: true` acknowledges and deletes every entry by commands of its own, pipelined, as most loops are
 * written.
 */
export async function redisRaw(place: string, use: RawUse): Promise<Subject> {
  const { results, each = false } = use
  const reads = new Redis(place, { protocol: 2 })
  const writes = new Redis(place, { protocol: 2, enableAutoPipelining: true })
  await writes.xgroup('CREATE', stream, group, '0', 'MKSTREAM').catch((error: Error) => {
    if (!error.message.startsWith('BUSYGROUP')) throw error
  })
  const add = (text: string): Promise<unknown> =>
    writes.xadd(stream, '*', 'data', messageBody(newId(), text))

  const end = async (entries: readonly Entry[]): Promise<void> => {
    const ids = entries.map(([id]) => id)
    const pipeline = writes.pipeline()
    if (results) {
      for (const [, fields] of entries) {
        const id = (fields[1] ?? '').slice(12, 44)
        pipeline.set(id, resultBody, 'PX', resultLife)
      }
    }
    for (const some of each ? ids.map((id) => [id]) : [ids]) {
      pipeline.xack(stream, group, ...some)
      pipeline.xdel(stream, ...some)
    }
    await pipeline.exec()
  }
  const serve = (order: ServeOrder): Serving => {
    let settled = 0
    let stopped = false
    const read = (): Promise<unknown> =>
      reads.call(
        'XREADGROUP',
        ...['GROUP', group, consumer, 'COUNT', batch, 'BLOCK', 100, 'STREAMS', stream, '>'],
      )
    const loop = async (): Promise<void> => {
      const ending = new Set<Promise<void>>()
      let next = read()
      while (!stopped) {
        const [answer] = ((await next) ?? []) as [string, readonly Entry[]][]
        next = read()
        const entries = answer?.[1] ?? []
        for (const [, fields] of entries) order.onHandled(fields[1] ?? '')
        if (entries.length > 0) {
          const done = end(entries).then(() => {
            settled += entries.length
            ending.delete(done)
          })
          ending.add(done)
        }
        if (ending.size >= inFlight) await Promise.race(ending)
      }
      await Promise.all([...ending, next])
    }
    const looping = loop()
    return {
      settled: () => settled,
      async stop() {
        stopped = true
        await looping
      },
    }
  }
  return {
    async send(text) {
      await add(text)
    },
    async sendTogether(texts) {
      await Promise.all(texts.map(add))
    },
    async sendMany(texts) {
      const pipeline = writes.pipeline()
      for (const text of texts) pipeline.xadd(stream, '*', 'data', messageBody(newId(), text))
      await pipeline.exec()
    },
    serve: async (order) => serve(order),
    async close() {
      reads.disconnect()
      await writes.quit()
    },
  }
}
