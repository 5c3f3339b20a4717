import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import * as z from 'zod'

interface Held {
  readonly id: string
  readonly body: string
  receipt: string
  /** Milliseconds since 1970 until which others do not see it. */
  hiddenUntil: number
  receives: number
}

const receiveRequest = z.object({
  MaxNumberOfMessages: z.int().min(1).max(10).default(1),
  VisibilityTimeout: z.number().min(0).default(30),
})

/**
 * A queue to poll, as SQS is: a message that was received comes back when its visibility ends, unless
 * it was deleted. With a visibility of 0 two that poll may take the same message.
 */
export class MessageQueues {
  readonly #queues = new Map<string, Held[]>()

  send(queue: string, body: string): string {
    const id = randomUUID()
    this.#of(queue).push({ id, body, receipt: '', hiddenUntil: 0, receives: 0 })
    return id
  }

  /** How many messages a queue holds, seen or not. */
  count(queue: string): number {
    return this.#of(queue).length
  }

  clear(): void {
    this.#queues.clear()
  }

  app(): Hono {
    return new Hono()
      .post('/:queue/send', async (context) => {
        const { MessageBody } = z
          .object({ MessageBody: z.string() })
          .parse(await context.req.json())
        return context.json({ MessageId: this.send(context.req.param('queue'), MessageBody) })
      })
      .post('/:queue/receive', async (context) => {
        const wanted = receiveRequest.parse(await context.req.json())
        const now = Date.now()
        const seen = this.#of(context.req.param('queue'))
          .filter((held) => held.hiddenUntil <= now)
          .slice(0, wanted.MaxNumberOfMessages)
        for (const held of seen) {
          held.receipt = randomUUID()
          held.hiddenUntil = now + wanted.VisibilityTimeout * 1000
          held.receives++
        }
        return context.json({
          Messages: seen.map((held) => ({
            MessageId: held.id,
            ReceiptHandle: `${held.id}/${held.receipt}`,
            Body: held.body,
            Attributes: { ApproximateReceiveCount: held.receives },
          })),
        })
      })
      .post('/:queue/delete', async (context) => {
        const { ReceiptHandle } = z
          .object({ ReceiptHandle: z.string() })
          .parse(await context.req.json())
        const queue = this.#of(context.req.param('queue'))
        const index = queue.findIndex(({ id }) => ReceiptHandle.startsWith(`${id}/`))
        if (index >= 0) queue.splice(index, 1)
        return context.json({})
      })
  }

  #of(queue: string): Held[] {
    const found = this.#queues.get(queue) ?? []
    this.#queues.set(queue, found)
    return found
  }
}
