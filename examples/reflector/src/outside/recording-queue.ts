import * as z from 'zod'
import { ask } from './ask.ts'

const received = z.object({
  Messages: z.array(z.object({ ReceiptHandle: z.string(), Body: z.string() })),
})
const announcement = z.object({
  Records: z.array(
    z.object({
      eventName: z.string(),
      s3: z.object({
        bucket: z.object({ name: z.string() }),
        object: z.object({ key: z.string() }),
      }),
    }),
  ),
})

/** A message of the queue, with the new objects that it tells of. */
export interface Announcement {
  readonly receipt: string
  readonly objects: readonly { readonly bucket: string; readonly key: string }[]
}

/** The queue in which the object store tells of new recordings. */
export class RecordingQueue {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  /**
   * One message, if there is one. It is not hidden from others meanwhile: two that poll at the same
   * time may both have it.
   */
  async receive(): Promise<Announcement | undefined> {
    const wanted = { MaxNumberOfMessages: 1, VisibilityTimeout: 0, WaitTimeSeconds: 0 }
    const [message] = received.parse(await this.#post('receive', wanted)).Messages
    if (message === undefined) return undefined
    const { Records } = announcement.parse(JSON.parse(message.Body))
    const created = Records.filter(({ eventName }) => eventName.startsWith('ObjectCreated'))
    const objects = created.map(({ s3 }) => ({
      bucket: s3.bucket.name,
      key: decodeURIComponent(s3.object.key.replaceAll('+', ' ')),
    }))
    return { receipt: message.ReceiptHandle, objects }
  }

  async delete(receipt: string): Promise<void> {
    await this.#post('delete', { ReceiptHandle: receipt })
  }

  async #post(action: string, body: unknown): Promise<unknown> {
    const answer = await ask(`${this.#url}/${action}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
      timeout: 30_000,
      service: 'the recording queue',
    })
    return answer.json()
  }
}
