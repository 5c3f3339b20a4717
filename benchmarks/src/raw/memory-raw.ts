import { setImmediate } from 'node:timers/promises'
import { silentLogger, systemClock, systemRandom } from 'taskwright'
import type { Delivery, Envelope, Settlement } from 'taskwright'
import { memoryTransport } from 'taskwright/memory'
import type { StoreUse } from '../engine.ts'
import {
  lease,
  messageBody,
  newId,
  priority,
  queueName,
  resultBody,
  resultLife,
} from '../message.ts'
import type { ServeOrder, Serving, Subject } from '../subject.ts'

const batch = 100

/**
 * The limit in memory: our transport without broker and worker. A hundred tasks are settled, the next
 * hundred are claimed. No codec, no handler. (An array would be faster, and no queue.)
 */
export async function memoryRaw(store: string, { results }: StoreUse): Promise<Subject> {
  const surroundings = { clock: systemClock, random: systemRandom, logger: silentLogger }
  const { transport } = memoryTransport({ store }).create(surroundings)
  await transport.start()
  const { signal } = new AbortController()

  const envelope = (text: string): Envelope => {
    const id = newId()
    return { id, queue: queueName, priority, body: messageBody(id, text) }
  }
  const settlement = (claim: Delivery): Settlement => ({
    claim,
    outcome: { kind: 'succeeded' },
    result: results ? { id: claim.id, body: resultBody, expiresIn: resultLife } : undefined,
  })
  const serve = (order: ServeOrder): Serving => {
    let settled = 0
    let stopped = false
    const loop = async (): Promise<void> => {
      while (!stopped) {
        const held = await transport.receive({
          queues: [queueName],
          room: batch,
          lease,
          signal,
          wait: 0,
        })
        for (const { body } of held) order.onHandled(String(body))
        await transport.settle(held.map(settlement))
        settled += held.length
        await setImmediate()
      }
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
      await transport.send([envelope(text)])
    },
    async sendTogether(texts) {
      await transport.send(texts.map(envelope))
    },
    async sendMany(texts) {
      await transport.send(texts.map(envelope))
    },
    serve: async (order) => serve(order),
    close: () => transport.stop(),
  }
}
