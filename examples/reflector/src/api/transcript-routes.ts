import { readFile, stat } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { Hono } from 'hono'
import * as z from 'zod'
import { broker } from '../broker.ts'
import { eventsAfter } from '../data/events.ts'
import type { Db } from '../data/tables.ts'
import { topicsOf } from '../data/topics.ts'
import { createTranscript, getTranscript, type Transcript } from '../data/transcripts.ts'
import { webvttOf } from '../pipelines/webvtt.ts'
import { filesOf, type Workshop } from '../pipelines/workshop.ts'
import { roomOf } from '../tasks/room-of.ts'
import { startProcessing, taskId } from '../tasks/start-processing.ts'
import { BadRequest, takeChunk } from './upload.ts'

const newTranscript = z.object({
  name: z.string().default(''),
  source_kind: z.enum(['file', 'live', 'room']).default('file'),
  source_language: z.string().default('en'),
  target_language: z.string().default('en'),
  room: z.string().optional(),
})

/** `/v1/transcripts`: what the page and other programs do with transcripts. */
export function transcriptRoutes(workshop: Workshop): Hono {
  const { db, now } = workshop
  return new Hono()
    .get('/', async (context) => {
      const rows = await db
        .selectFrom('transcript')
        .select(['id', 'name', 'title', 'status', 'created_at', 'duration', 'source_kind'])
        .orderBy('created_at', 'desc')
        .limit(100)
        .execute()
      return context.json({ transcripts: rows })
    })
    .post('/', async (context) => {
      const { room: name, ...given } = newTranscript.parse(await context.req.json())
      const room = name === undefined ? undefined : await roomByName(db, name)
      if (name !== undefined && room === undefined) throw new BadRequest(`there is no room ${name}`)
      const of = { ...given, now: now(), room_id: room?.id ?? null, user_id: room?.user_id ?? null }
      return context.json(await createTranscript(db, of), 201)
    })
    .get('/:id', async (context) => {
      const transcript = await getTranscript(db, context.req.param('id'))
      const room = await roomOf(db, transcript)
      return context.json({ ...transcript, room: room?.name ?? null })
    })
    .get('/:id/topics', async (context) => {
      return context.json({ topics: await topicsOf(db, context.req.param('id')) })
    })
    .get('/:id/events', async (context) => {
      return context.json({ events: await eventsAfter(db, context.req.param('id'), 0) })
    })
    .get('/:id/topics.vtt', async (context) => {
      const text = webvttOf(await topicsOf(db, context.req.param('id')))
      return context.body(text, 200, { 'content-type': 'text/vtt; charset=utf-8' })
    })
    .post('/:id/record/upload', async (context) => {
      const transcript = await getTranscript(db, context.req.param('id'))
      const { chunk_number = '0', total_chunks = '1' } = context.req.query()
      const file = (await context.req.formData()).get('chunk')
      if (!(file instanceof File)) throw new BadRequest('`chunk` is missing')
      const chunk = { number: Number(chunk_number), total: Number(total_chunks), file }
      return context.json({ status: await takeChunk(workshop, transcript, chunk) })
    })
    .post('/:id/process', async (context) => {
      const { id, locked, status } = await getTranscript(db, context.req.param('id'))
      if (locked === 1) throw new BadRequest('the transcript is locked')
      if (status === 'idle') throw new BadRequest('there is nothing to process yet')
      return context.json({ status: await startProcessing(db, id) })
    })
    .get('/:id/workflow', async (context) => {
      return context.json(await workflowOf(await getTranscript(db, context.req.param('id'))))
    })
    .post('/:id/workflow/resume', async (context) => {
      const { workflow_run_id: run } = await getTranscript(db, context.req.param('id'))
      if (run === null) throw new BadRequest('there is no work to resume')
      await broker.workflow(run).resume()
      return context.json({ status: 'ok' })
    })
    .get('/:id/audio/waveform', async (context) => {
      const files = filesOf(workshop, context.req.param('id'))
      const text = await readFile(files.waveform, 'utf8').catch(() => undefined)
      if (text === undefined) return context.json({ error: 'there is no waveform' }, 404)
      return context.body(text, 200, { 'content-type': 'application/json' })
    })
    .get('/:id/audio/mp3', async (context) => {
      const transcript = await getTranscript(db, context.req.param('id'))
      const sound = await audioOf(workshop, transcript)
      return sound ?? context.json({ error: 'there is no sound' }, 404)
    })
}

async function roomByName(
  db: Db,
  name: string,
): Promise<{ id: string; user_id: string } | undefined> {
  const query = db.selectFrom('room').select(['id', 'user_id']).where('name', '=', name)
  return query.executeTakeFirst()
}

/** The sound: the file of this machine, or the one in the object store; nothing once it was deleted. */
async function audioOf(
  workshop: Workshop,
  { id, audio_deleted, audio_location }: Transcript,
): Promise<Response | undefined> {
  if (audio_deleted === 1) return undefined
  const files = filesOf(workshop, id)
  const headers = { 'content-type': files.audioType }
  const local = await stat(files.audio).catch(() => undefined)
  if (local !== undefined) {
    const stream = Readable.toWeb(createReadStream(files.audio)) as ReadableStream
    return new Response(stream, { headers: { ...headers, 'content-length': String(local.size) } })
  }
  const { storage, now } = workshop
  if (audio_location !== 'storage' || storage === undefined) return undefined
  const answer = await fetch(storage.signedUrl(files.storageKey(id), { now: now() }))
  return answer.ok ? new Response(answer.body, { headers }) : undefined
}

/** The task that processes the file, and the run of the workflow that follows: for those who watch. */
async function workflowOf({ id, processings, workflow_run_id }: Transcript): Promise<object> {
  const task = await broker.handle(taskId(id, processings)).status()
  if (workflow_run_id === null) return { task, state: null, nodes: [], edges: [] }
  const run = broker.workflow(workflow_run_id)
  const state = await run.status()
  if (state === null) return { task, state, nodes: [], edges: [] }
  const { nodes, edges } = await run.graph()
  return { task, state, nodes, edges }
}
