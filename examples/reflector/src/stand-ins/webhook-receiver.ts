import { Hono } from 'hono'
import { isSignedWith } from '../outside/webhook-signature.ts'

/** A webhook that has arrived. */
export interface ReceivedWebhook {
  readonly event: string
  readonly retry: number
  /** Whether it was signed with the receiver's secret; requests that were not are refused. */
  readonly signed: boolean
  readonly body: Readonly<Record<string, unknown>>
}

/** The customer's end of the webhooks: checks the signature and keeps what it accepted. */
export class WebhookReceiver {
  readonly received: ReceivedWebhook[] = []
  readonly #secret: string

  constructor(secret: string) {
    this.#secret = secret
  }

  clear(): void {
    this.received.length = 0
  }

  app(): Hono {
    return new Hono()
      .get('/received', (context) => context.json({ received: this.received }))
      .post('/:name{.*}', async (context) => {
        const body = await context.req.text()
        const signature = context.req.header('x-webhook-signature') ?? ''
        const signed = isSignedWith(this.#secret, {
          signature,
          body,
          now: Date.now(),
          // Tests live in a time of their own; how old a signature may be is the receiver's choice.
          maxAge: Infinity,
        })
        if (!signed) return context.text('wrong signature', 401)
        this.received.push({
          event: context.req.header('x-webhook-event') ?? '',
          retry: Number(context.req.header('x-webhook-retry')),
          signed,
          body: JSON.parse(body) as Record<string, unknown>,
        })
        return context.body(null, 204)
      })
  }
}
