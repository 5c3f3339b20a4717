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

  #ask(method: string, path: string, body: URLSearchParams): Promise<Response> {
    const { url, email, key } = this.#access
    const authorization = `Basic ${Buffer.from(`${email}:${key}`).toString('base64')}`
    const headers = { authorization }
    return ask(url + path, { method, body, headers, timeout: 30_000, service: 'Zulip' })
  }
}
