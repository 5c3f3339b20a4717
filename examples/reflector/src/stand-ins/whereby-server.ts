import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import * as z from 'zod'

/** A stay in a meeting room; `endedAt` is null while it lasts. */
export interface RoomSession {
  readonly endedAt: string | null
}

/** A meeting as it was ordered. */
export interface OrderedMeeting {
  readonly meetingId: string
  readonly roomName: string
  readonly roomUrl: string
  readonly hostRoomUrl: string
  readonly startDate: string
  readonly endDate: string
}

/** A video conference service: makes meetings, and tells who was in a room. */
export class WherebyServer {
  readonly meetings: OrderedMeeting[] = []
  /** By room name (`/uuid`). */
  readonly sessions = new Map<string, readonly RoomSession[]>()
  readonly #key: string

  constructor(key: string) {
    this.#key = key
  }

  clear(): void {
    this.meetings.length = 0
    this.sessions.clear()
  }

  app(): Hono {
    return new Hono()
      .use(async (context, next) =>
        context.req.header('authorization') === `Bearer ${this.#key}`
          ? next()
          : context.json({ error: 'Unauthorized' }, 401),
      )
      .post('/meetings', async (context) => {
        const { endDate } = z.object({ endDate: z.string() }).parse(await context.req.json())
        const roomName = `/${randomUUID()}`
        const meeting = {
          meetingId: randomUUID(),
          roomName,
          roomUrl: `https://reflector.whereby.test${roomName}`,
          hostRoomUrl: `https://reflector.whereby.test${roomName}?roomKey=host`,
          startDate: new Date().toISOString(),
          endDate,
        }
        this.meetings.push(meeting)
        return context.json(meeting, 201)
      })
      .get('/insights/room-sessions', (context) => {
        const results = this.sessions.get(context.req.query('roomName') ?? '') ?? []
        return context.json({ results })
      })
      .put('/rooms/:room/theme/logo', (context) => context.body(null, 204))
      .put('/__sessions/:room', async (context) => {
        const sessions = z.array(z.object({ endedAt: z.string().nullable() }))
        const name = `/${context.req.param('room')}`
        this.sessions.set(name, sessions.parse(await context.req.json()))
        return context.body(null, 204)
      })
  }
}
