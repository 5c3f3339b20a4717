import { WebSocket } from 'ws'
import type { NumberedEvent, TranscriptEvent } from '../data/events.ts'
import type { Topic } from '../data/topics.ts'
import type { Transcript } from '../data/transcripts.ts'

/** What the demonstration asks of the application. */
export class DemoClient {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    const answer = await fetch(this.#url + path, { method: 'POST', body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as T
  }

  async get<T>(path: string): Promise<T> {
    const answer = await fetch(this.#url + path)
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as T
  }

  transcript(id: string): Promise<Transcript> {
    return this.get(`/v1/transcripts/${id}`)
  }

  async topics(id: string): Promise<Topic[]> {
    return (await this.get<{ topics: Topic[] }>(`/v1/transcripts/${id}/topics`)).topics
  }

  async events(id: string): Promise<NumberedEvent[]> {
    return (await this.get<{ events: NumberedEvent[] }>(`/v1/transcripts/${id}/events`)).events
  }

  /** How the workflow that follows stands; `null` before it is sent. */
  async workflow(id: string): Promise<string | null> {
    return (await this.get<{ state: string | null }>(`/v1/transcripts/${id}/workflow`)).state
  }

  /** Uploads a recording in chunks. */
  async upload(id: string, wav: Buffer): Promise<void> {
    const size = 512 * 1024
    const total = Math.ceil(wav.length / size)
    for (let number = 0; number < total; number++) {
      const form = new FormData()
      const chunk = new Uint8Array(wav.subarray(number * size, (number + 1) * size))
      form.set('chunk', new File([chunk], 'conversation.wav'))
      const query = `chunk_number=${number}&total_chunks=${total}`
      const path = `/v1/transcripts/${id}/record/upload?${query}`
      const answer = await fetch(this.#url + path, { method: 'POST', body: form })
      if (!answer.ok) throw new Error(`the upload was answered ${answer.status}`)
    }
  }

  /** Plays a recording into the line, as if it were spoken now, only faster. */
  async play(id: string, samples: Int16Array): Promise<void> {
    const ws = this.#socket(id, 'record')
    await opened(ws)
    const closed = new Promise<void>((resolve) => ws.once('close', () => resolve()))
    const bytes = Buffer.from(samples.buffer)
    for (let at = 0; at < bytes.length; at += 32_000) {
      ws.send(bytes.subarray(at, at + 32_000))
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
    ws.send('{"cmd":"STOP"}')
    await closed
  }

  /** Calls back for each event of a transcript; resolves when it has ended, with its status. */
  async watch(id: string, onEvent: (event: TranscriptEvent) => void): Promise<string> {
    const ws = this.#socket(id, 'events')
    await opened(ws)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        ws.close()
        reject(new Error(`transcript ${id} did not end within a minute`))
      }, 60_000)
      ws.on('message', (data: Buffer) => {
        const event = JSON.parse(data.toString()) as TranscriptEvent
        onEvent(event)
        if (event.event !== 'STATUS' || !['ended', 'error'].includes(event.data.value)) return
        clearTimeout(timer)
        ws.close()
        resolve(event.data.value)
      })
    })
  }

  #socket(id: string, kind: 'events' | 'record'): WebSocket {
    return new WebSocket(`${this.#url.replace('http', 'ws')}/v1/transcripts/${id}/${kind}`)
  }
}

const opened = (ws: WebSocket): Promise<void> =>
  new Promise((resolve, reject) => {
    ws.once('open', () => resolve())
    ws.once('error', reject)
  })
