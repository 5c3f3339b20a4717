import * as z from 'zod'
import { AnswerError, ask } from './ask.ts'

/** A message for a stream. */
export interface StreamMessage {
  readonly stream: string
  readonly topic: string
  readonly content: string
}

/** Zulip, as a bot sees it. */
export class Zulip {
  readonly #access: { readonly url: string; readonly email: string; readonly key: string }

  constructor(access: { readonly url: string; readonly email: string; readonly key: string }) {
    this.#access = access
  }

  /** Posts a message; its id. */
  async post({ stream, topic, content }: StreamMessage): Promise<number> {
    const form = new URLSearchParams({ type: 'stream', to: stream, topic, content })
    const answer = await this.#ask('POST', '/api/v1/messages', form)
    return z.object({ id: z.int() }).parse(await answer.json()).id
  }

  /** Changes a message; false when it is not there any more. */
  async edit(id: number, { topic, content }: StreamMessage): Promise<boolean> {
    try {
      await this.#ask('PATCH', `/api/v1/messages/${id}`, new URLSearchParams({ topic, content }))
      return true
    } catch (error) {
      if (error instanceof AnswerError && error.status === 400) return false
      throw error
    }
  }

  /** The newest message of a stream's topic that holds a text; its id. */
  async find(where: Omit<StreamMessage, 'content'>, text: string): Promise<number | undefined> {
    const narrow = JSON.stringify([
      { operator: 'stream', operand: where.stream },
      { operator: 'topic', operand: where.topic },
      { operator: 'search', operand: text },
    ])
    const query = new URLSearchParams({ narrow, anchor: 'newest', num_before: '1', num_after: '0' })
    const answer = await this.#ask('GET', `/api/v1/messages?${query.toString()}`)
    const found = z.object({ messages: z.array(z.object({ id: z.int() })) })
    return found.parse(await answer.json()).messages.at(-1)?.id
  }

  #ask(method: string, path: string, body?: URLSearchParams): Promise<Response> {
    const { url, email, key } = this.#access
    const authorization = `Basic ${Buffer.from(`${email}:${key}`).toString('base64')}`
    const headers = { authorization }
    const question = { method, headers, timeout: 30_000, service: 'Zulip' }
    return ask(url + path, body === undefined ? question : { ...question, body })
  }
}
