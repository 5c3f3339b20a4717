import * as z from 'zod'
import { ask, type Question } from './ask.ts'

const meeting = z.object({
  meetingId: z.string(),
  roomName: z.string(),
  roomUrl: z.string(),
  hostRoomUrl: z.string(),
  startDate: z.string(),
  endDate: z.string(),
})

/** A meeting as Whereby has made it. */
export type WherebyMeeting = z.infer<typeof meeting>

/** The video conference service. */
export class Whereby {
  readonly #access: { readonly url: string; readonly key: string }

  constructor(access: { readonly url: string; readonly key: string }) {
    this.#access = access
  }

  async createMeeting(room: { name: string; end: Date }): Promise<WherebyMeeting> {
    const answer = await this.#ask('/meetings', {
      method: 'POST',
      body: JSON.stringify({
        isLocked: false,
        roomNamePrefix: room.name,
        roomNamePattern: 'uuid',
        endDate: room.end.toISOString(),
        fields: ['hostRoomUrl'],
      }),
      headers: { 'content-type': 'application/json' },
    })
    return meeting.parse(await answer.json())
  }

  /** Who was in a room: `endedAt` is null for those who still are. */
  async sessions(roomName: string): Promise<{ endedAt: string | null }[]> {
    const query = new URLSearchParams({ roomName })
    const answer = await this.#ask(`/insights/room-sessions?${query.toString()}`, {})
    const form = z.object({ results: z.array(z.object({ endedAt: z.string().nullable() })) })
    return form.parse(await answer.json()).results
  }

  async uploadLogo(roomName: string, logo: Blob): Promise<void> {
    const form = new FormData()
    form.set('image', logo, 'logo.png')
    await this.#ask(`/rooms${roomName}/theme/logo`, { method: 'PUT', body: form })
  }

  #ask(path: string, question: Omit<Question, 'service' | 'timeout'>): Promise<Response> {
    const { url, key } = this.#access
    const headers = new Headers(question.headers)
    headers.set('authorization', `Bearer ${key}`)
    return ask(url + path, { ...question, headers, timeout: 10_000, service: 'Whereby' })
  }
}
