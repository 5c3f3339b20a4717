import { Hono } from 'hono'
import * as z from 'zod'

/** A message of a stream. */
export interface ZulipMessage {
  readonly id: number
  readonly to: string
  topic: string
  content: string
  edits: number
}

/** A Zulip server with one bot: posts and edits messages. */
export class ZulipServer {
  readonly messages = new Map<number, ZulipMessage>()
  #last = 100

  readonly #bot: { readonly email: string; readonly key: string }

  constructor(bot: { readonly email: string; readonly key: string }) {
    this.#bot = bot
  }

  clear(): void {
    this.messages.clear()
  }

  app(): Hono {
    const { email, key } = this.#bot
    const right = `Basic ${Buffer.from(`${email}:${key}`).toString('base64')}`
    return new Hono()
      .use(async (context, next) =>
        context.req.header('authorization') === right
          ? next()
          : context.json({ result: 'error', msg: 'Invalid API key' }, 401),
      )
      .post('/api/v1/messages', async (context) => {
        const form = await context.req.formData()
        const [type, to, topic, content] = ['type', 'to', 'topic', 'content'].map((name) =>
          textOf(form, name),
        )
        if (type !== 'stream' || !to || !topic || !content)
          return context.json({ result: 'error', msg: 'Missing argument' }, 400)
        const id = ++this.#last
        this.messages.set(id, { id, to, topic, content, edits: 0 })
        return context.json({ result: 'success', msg: '', id })
      })
      .patch('/api/v1/messages/:id', async (context) => {
        const message = this.messages.get(Number(context.req.param('id')))
        if (message === undefined)
          return context.json({ result: 'error', msg: 'Invalid message(s)' }, 400)
        const form = await context.req.formData()
        message.topic = textOf(form, 'topic') || message.topic
        message.content = textOf(form, 'content') || message.content
        message.edits++
        return context.json({ result: 'success', msg: '' })
      })
      .get('/api/v1/messages', (context) => {
        const narrow = z
          .array(z.object({ operator: z.string(), operand: z.string() }))
          .parse(JSON.parse(context.req.query('narrow') ?? '[]'))
        const wanted = Object.fromEntries(narrow.map((one) => [one.operator, one.operand]))
        const { stream, topic, search = '' } = wanted
        const found = [...this.messages.values()].filter(
          (message) =>
            (stream === undefined || message.to === stream) &&
            (topic === undefined || message.topic === topic) &&
            message.content.includes(search),
        )
        return context.json({ messages: found })
      })
  }
}

function textOf(form: FormData, name: string): string {
  const value = form.get(name)
  return typeof value === 'string' ? value : ''
}
