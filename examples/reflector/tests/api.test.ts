import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { durationOf } from '../src/audio/audio-tool.ts'
import { dialogue } from '../src/audio/dialogue.ts'
import { ffmpegProgram, findAudioTool } from '../src/audio/find-audio-tool.ts'
import { makeRecording } from '../src/audio/recording.ts'
import { encodeWav } from '../src/audio/wav.ts'
import { startServer, type RunningServer } from '../src/api/server.ts'
import { broker } from '../src/broker.ts'
import { sign } from '../src/outside/webhook-signature.ts'
import { getTranscript, patchTranscript } from '../src/data/transcripts.ts'
import { workshop } from '../src/tasks/dependencies.ts'
import { cleanupConsent } from '../src/tasks/consent.ts'
import { pipelineFileProcess } from '../src/tasks/file-process.ts'
import { afterLive } from '../src/workflows.ts'
import { setStage, shortTalk, type Stage } from './stage.ts'

let stage: Stage
let server: RunningServer
afterEach(async () => {
  await server.stop()
  await stage.end()
})

async function open(): Promise<void> {
  stage = await setStage({ mode: 'concurrent', seed: 21 })
  const shop = await broker.scope(async (resolve) => (await resolve({ workshop })).workshop)
  server = await startServer(shop, 0)
}

async function call(
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; body: never }> {
  const answer = await fetch(server.url + path, init)
  return { status: answer.status, body: (await answer.json()) as never }
}

const post = (path: string, body: unknown = {}): Promise<{ status: number; body: never }> =>
  call(path, { method: 'POST', body: JSON.stringify(body) })

async function newTranscript(of: object = {}): Promise<string> {
  const { body } = await post('/v1/transcripts', of)
  return (body as { id: string }).id
}

/** Uploads in chunks, the last one first. */
async function upload(id: string, bytes: Buffer, name = 'talk.wav'): Promise<unknown[]> {
  const total = 3
  const size = Math.ceil(bytes.length / total)
  const answers: unknown[] = []
  for (const index of [2, 0, 1]) {
    const form = new FormData()
    const chunk = new Uint8Array(bytes.subarray(index * size, (index + 1) * size))
    form.set('chunk', new File([chunk], name))
    const query = `chunk_number=${index}&total_chunks=${total}`
    const path = `/v1/transcripts/${id}/record/upload?${query}`
    answers.push(await call(path, { method: 'POST', body: form }))
  }
  return answers
}

interface Told {
  readonly event: string
  readonly data: { readonly value?: string }
}

/** A socket, and what it has been told until a status comes. */
function listen(id: string): {
  readonly open: Promise<void>
  until(status: string): Promise<Told[]>
} {
  const ws = new WebSocket(`${server.url.replace('http', 'ws')}/v1/transcripts/${id}/events`)
  const told: Told[] = []
  ws.on('message', (data: Buffer) => told.push(JSON.parse(data.toString()) as Told))
  return {
    open: new Promise((resolve) => ws.once('open', () => resolve())),
    async until(status) {
      await expect
        .poll(() => told.some(({ data }) => data.value === status), { timeout: 20_000 })
        .toBe(true)
      ws.close()
      return told
    },
  }
}

it('a file is uploaded in chunks, and those who watch see it become a transcript', async () => {
  await open()
  const id = await newTranscript()
  const watcher = listen(id)
  await watcher.open
  const answers = await upload(id, encodeWav(makeRecording(shortTalk)))
  expect(answers).toMatchObject([
    { status: 200, body: { status: 'waiting' } },
    { status: 200, body: { status: 'waiting' } },
    { status: 200, body: { status: 'ok' } },
  ])
  await stage.app.drain()
  const names = (await watcher.until('ended')).map(({ event }) => event)
  expect(names[0]).toBe('STATUS')
  expect(names.at(-1)).toBe('STATUS')
  expect(names).toEqual(expect.arrayContaining(['DURATION', 'WAVEFORM', 'TOPIC', 'FINAL_TITLE']))

  expect(await call(`/v1/transcripts/${id}`)).toMatchObject({ body: { status: 'ended' } })
  const { body } = await call(`/v1/transcripts/${id}/audio/waveform`)
  expect((body as { data: number[] }).data.length).toBeGreaterThanOrEqual(250)
  const sound = await fetch(`${server.url}/v1/transcripts/${id}/audio/mp3`)
  expect(sound.headers.get('content-type')).toMatch(/^audio\//)
  expect((await sound.arrayBuffer()).byteLength).toBeGreaterThan(1000)
  const vtt = await (await fetch(`${server.url}/v1/transcripts/${id}/topics.vtt`)).text()
  expect(vtt).toMatch(/^WEBVTT\n[^]*<v Speaker0>Good morning\./)
  const graph = await call(`/v1/transcripts/${id}/workflow`)
  expect(graph.body).toMatchObject({ task: 'succeeded', state: 'succeeded' })

  // Who comes late is told what there is, but neither states nor spoken words.
  const late = listen(id)
  await late.open
  await post(`/v1/transcripts/${id}/process`)
  await stage.app.drain()
  const told = await late.until('ended')
  expect(told.findIndex(({ event }) => event === 'STATUS')).toBeGreaterThan(
    told.findIndex(({ event }) => event === 'FINAL_TITLE'),
  )
})

const ffmpeg = ffmpegProgram()
const noVideo = ffmpeg === undefined ? ' (skipped: there is no ffmpeg)' : ''

it.skipIf(ffmpeg === undefined)(`of a video the sound is taken${noVideo}`, async () => {
  await open()
  const [wav, video] = ['talk.wav', 'talk.mp4'].map((name) => join(stage.folder, name))
  await writeFile(wav ?? '', encodeWav(makeRecording(shortTalk)))
  const picture = ['-f', 'lavfi', '-i', 'color=c=blue:s=64x64:r=5', '-i', wav ?? '', '-shortest']
  await promisify(execFile)(ffmpeg ?? '', [...picture, '-c:v', 'mpeg4', '-c:a', 'aac', video ?? ''])
  const id = await newTranscript()
  await upload(id, await readFile(video ?? ''), 'talk.mp4')
  await stage.app.drain()
  expect(stage.app.failures).toEqual([])
  const { status, duration } = await getTranscript(stage.db, id)
  expect(status).toBe('ended')
  // What is kept can be heard, and is as long as was said; that is as long as what was spoken.
  const kept = join(stage.folder, 'kept.mp3')
  const sound = await fetch(`${server.url}/v1/transcripts/${id}/audio/mp3`)
  await writeFile(kept, new Uint8Array(await sound.arrayBuffer()))
  const heard = durationOf(await findAudioTool().decode(kept, 16_000))
  const spoken = durationOf(makeRecording(shortTalk))
  for (const found of [heard, duration ?? 0])
    expect(Math.abs(found - spoken) / spoken).toBeLessThan(0.01)
})

it('what holds no sound is refused, and nothing is sent', async () => {
  await open()
  const id = await newTranscript()
  const answers = await upload(id, Buffer.from('this is a text, as anybody can see'), 'notes.txt')
  expect(answers[2]).toMatchObject({
    status: 400,
    body: { error: 'there is no sound in this file' },
  })
  expect(stage.app.sent(pipelineFileProcess)).toEqual([])
  expect(await post(`/v1/transcripts/${id}/process`)).toMatchObject({ status: 400 })
  expect(await call('/v1/transcripts/nobody')).toMatchObject({ status: 404 })
  expect(await post('/v1/transcripts', { source_kind: 'dream' })).toMatchObject({ status: 400 })
})

it('what is said into a socket is transcribed while it is said, and finished by the workflow', async () => {
  await open()
  const id = await newTranscript({ source_kind: 'live', target_language: 'fr' })
  const watcher = listen(id)
  await watcher.open
  const ws = new WebSocket(`${server.url.replace('http', 'ws')}/v1/transcripts/${id}/record`)
  await new Promise((resolve) => ws.once('open', resolve))
  const { samples } = makeRecording(dialogue.slice(0, 3))
  const bytes = Buffer.from(samples.buffer)
  for (let at = 0; at < bytes.length; at += 32_000) ws.send(bytes.subarray(at, at + 32_000))
  ws.send('{"cmd":"STOP"}')
  await new Promise((resolve) => ws.once('close', resolve))
  await stage.app.drain()
  const told = await watcher.until('ended')
  const states = told.flatMap(({ event, data }) => (event === 'STATUS' ? data.value : []))
  expect(states).toEqual(['recording', 'processing', 'ended'])
  const spoken = told.filter(({ event }) => event === 'TRANSCRIPT')
  expect(spoken.length).toBeGreaterThan(1)
  expect(spoken[0]?.data).toMatchObject({ translation: expect.stringMatching(/^\[fr\] Good/) })
  expect(stage.app.failures).toEqual([])
})

it('work that failed is resumed when somebody asks; what runs or went well is left alone', async () => {
  await open()
  const { id } = await stage.transcript({ source_kind: 'file' })
  const path = `/v1/transcripts/${id}/workflow/resume`
  expect(await post(path)).toMatchObject({ status: 400 })
  const { runId } = await afterLive(id, id)
  await patchTranscript(stage.db, id, { workflow_run_id: runId })
  await stage.app.drain()
  // There is no sound: the first step has failed.
  expect(await call(`/v1/transcripts/${id}/workflow`)).toMatchObject({ body: { state: 'failed' } })
  await stage.recording(await getTranscript(stage.db, id), 'audio.wav')
  expect(await post(path)).toMatchObject({ status: 200 })
  await stage.app.drain()
  expect(await call(`/v1/transcripts/${id}/workflow`)).toMatchObject({
    body: { state: 'succeeded' },
  })
  expect(await post(path)).toMatchObject({ status: 400 })
})

it('a room is made with a secret of its own, and who says no in its meeting has the sound deleted', async () => {
  await open()
  const made = await post('/v1/rooms', { name: 'weekly', webhook_url: 'https://acme.test/hook' })
  expect(made).toMatchObject({
    status: 201,
    body: { webhook_secret: expect.stringMatching(/^[\w-]{43}$/) },
  })
  expect(await post('/v1/rooms', { name: 'no name' })).toMatchObject({ status: 400 })
  const rooms = await call('/v1/rooms')
  expect(rooms).toMatchObject({ body: { rooms: [{ name: 'weekly' }] } })
  const meeting = await stage.meeting(made.body)
  const path = `/v1/rooms/meetings/${meeting.id}/consent`
  expect(await post(path, { consent_given: false })).toMatchObject({ status: 201 })
  const { id } = await stage.transcript({ source_kind: 'room', meeting_id: meeting.id })
  await stage.recording(await getTranscript(stage.db, id), 'audio.wav')
  await cleanupConsent.kiq(id)
  await stage.app.drain()
  expect(await getTranscript(stage.db, id)).toMatchObject({ audio_deleted: 1 })
  expect((await fetch(`${server.url}/v1/transcripts/${id}/audio/mp3`)).status).toBe(404)
})

it('Whereby is believed when it has signed, less than a minute ago', async () => {
  await open()
  const meeting = await stage.meeting(await stage.room())
  const body = JSON.stringify({
    type: 'room.client.joined',
    data: { meetingId: meeting.id, numClients: 3 },
  })
  const tell = async (secret: string, age: number): Promise<number> => {
    const seconds = Math.floor(Date.now() / 1000) - age
    const headers = { 'whereby-signature': sign(secret, body, seconds) }
    return (await fetch(`${server.url}/v1/whereby`, { method: 'POST', body, headers })).status
  }
  expect(await tell('whereby-webhook-secret', 61)).toBe(401)
  expect(await tell('guessed', 0)).toBe(401)
  expect(await tell('whereby-webhook-secret', 0)).toBe(200)
  const row = await stage.db.selectFrom('meeting').selectAll().executeTakeFirstOrThrow()
  expect(row.num_clients).toBe(3)
})

it('tells that it lives, that it is ready, and what it knows of tasks and queues', async () => {
  await open()
  await pipelineFileProcess.kiq(randomUUID())
  await stage.app.drain()
  expect(await (await fetch(`${server.url}/livez`)).text()).toBe('ok')
  expect(await call('/readyz')).toEqual({ status: 200, body: { database: 'ok', queue: 'ok' } })
  const text = await (await fetch(`${server.url}/metrics`)).text()
  expect(text).toContain(
    'reflector_task_runs_total{task="task_pipeline_file_process",outcome="failed"} 1',
  )
  expect(text).toContain(
    'reflector_task_seconds_bucket{task="task_pipeline_file_process",le="+Inf"} 1',
  )
  expect(text).toMatch(/reflector_queue_messages\{queue="\w+",state="dead"\} [1-9]/)
  expect(text).toContain('reflector_worker_utilisation 0')
  await stage.db.schema.alterTable('transcript').renameTo('away').execute()
  expect(await call('/readyz')).toMatchObject({
    status: 503,
    body: { database: expect.stringContaining('no such table'), queue: 'ok' },
  })
})
