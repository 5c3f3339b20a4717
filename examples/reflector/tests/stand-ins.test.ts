import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import * as z from 'zod'
import { dialogue, wordsOf } from '../src/audio/dialogue.ts'
import { findAudioTool } from '../src/audio/find-audio-tool.ts'
import { makeRecording } from '../src/audio/recording.ts'
import { encodeWav } from '../src/audio/wav.ts'
import { Diarization } from '../src/outside/diarization.ts'
import { LanguageModel } from '../src/outside/language-model.ts'
import { ObjectStore } from '../src/outside/object-store.ts'
import { RecordingQueue } from '../src/outside/recording-queue.ts'
import { Transcription } from '../src/outside/transcription.ts'
import { sign } from '../src/outside/webhook-signature.ts'
import { Whereby } from '../src/outside/whereby.ts'
import { Zulip } from '../src/outside/zulip.ts'
import { standInAccess, startStandIns, type StandIns } from '../src/stand-ins/stand-ins.ts'

const access = standInAccess
const recording = makeRecording(dialogue.slice(0, 3))
let folder: string
let file: string
let world: StandIns

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reflector-stand-ins-'))
  file = join(folder, 'talk.wav')
  await writeFile(file, encodeWav(recording))
  world = await startStandIns({ folder: join(folder, 'objects'), tool: findAudioTool() })
})
afterEach(() => {
  world.faults.clear()
  world.journal.clear()
})
afterAll(async () => {
  await world.stop()
  await rm(folder, { recursive: true, force: true })
})

function bucket(name: string, secret: string = access.storeSecret): ObjectStore {
  return new ObjectStore({ url: `${world.url}/store`, key: access.storeKey, secret }, name)
}

it('the object store keeps, gives, lists and deletes objects, for those who may', async () => {
  const store = bucket('plain')
  await store.put('a/ü 1.wav', file)
  await store.put('a/2.wav', file)
  await store.put('b/3.wav', file)
  const keys: string[] = []
  for await (const key of store.list('a/')) keys.push(key)
  expect(keys).toEqual(['a/2.wav', 'a/ü 1.wav'])
  const copy = join(folder, 'copy.wav')
  await store.download('a/ü 1.wav', copy)
  expect(Buffer.compare(await readFile(copy), await readFile(file))).toBe(0)
  await store.delete('a/2.wav')
  await store.delete('a/2.wav')
  await expect(store.download('a/2.wav', copy)).rejects.toThrow('answered 404')
  await expect(bucket('plain', 'wrong').download('a/2.wav', copy)).rejects.toThrow('answered 403')
})

it('a signed URL opens one object, until it expires', async () => {
  const store = bucket('signed')
  await store.put('x/a.wav', file)
  const url = store.signedUrl('x/a.wav', { now: new Date() })
  expect((await fetch(url)).status).toBe(200)
  expect((await fetch(url.replace('a.wav', 'b.wav'))).status).toBe(403)
  const old = store.signedUrl('x/a.wav', { now: new Date(Date.now() - 7_200_000) })
  expect((await fetch(old)).status).toBe(403)
})

it('a new recording is announced; a message that nobody deletes comes again', async () => {
  await bucket(access.recordingBucket).put('room 1/2026.mp4', file)
  const queue = new RecordingQueue(`${world.url}/queue/${access.recordingQueue}`)
  const first = await queue.receive()
  expect(first?.objects).toEqual([{ bucket: access.recordingBucket, key: 'room 1/2026.mp4' }])
  const second = await queue.receive()
  expect(second?.objects).toEqual(first?.objects)
  await queue.delete(first?.receipt ?? '')
  expect(await queue.receive()).toBeUndefined()
})

it('the transcriber hears each word where it sounds, and the diarizer who says it', async () => {
  const store = bucket('heard')
  await store.put('talk.wav', file)
  const url = store.signedUrl('talk.wav', { now: new Date() })
  const words = await new Transcription(`${world.url}/transcriber`).ofUrl({ url, language: 'en' })
  expect(words.map(({ text }) => text)).toEqual(recording.words.map(({ text }) => text))
  for (const [index, { start }] of words.entries())
    expect(Math.abs(start - (recording.words[index]?.start ?? 0))).toBeLessThan(0.05)
  const segments = await new Diarization(`${world.url}/diarizer`).ofUrl(url)
  expect(segments.map(({ speaker }) => speaker)).toEqual([0, 1, 0])
  const gone = store.signedUrl('gone.wav', { now: new Date() })
  await expect(
    new Transcription(`${world.url}/transcriber`).ofUrl({ url: gone, language: 'en' }),
  ).rejects.toThrow('could not be fetched: 404')
})

it('a piece of a live recording has the words that follow, from its own beginning on', async () => {
  const service = new Transcription(`${world.url}/transcriber`)
  const piece = { offset: 10, firstWord: 2, language: 'en' }
  const words = await service.ofPiece(encodeWav(recording), piece)
  expect(words[0]?.text).toBe(wordsOf(dialogue[0]?.text ?? '')[2])
  expect(words[0]?.start).toBeGreaterThan(10)
  expect(await service.translate('good day', 'en', 'fr')).toBe('[fr] good day')
})

it('the language model answers the same to the same question, in the form that is asked for', async () => {
  const model = new LanguageModel({ url: `${world.url}/llm`, key: 'k', model: 'small' })
  const text = dialogue.map(({ text }) => text).join(' ')
  const form = z.object({ title: z.string(), summary: z.string() })
  const topic = await model.answer('Give the topic of this part of a conversation.', text, form)
  expect(topic.title).toContain('pipeline')
  expect(await model.answer('Give the topic of this part of a conversation.', text, form)).toEqual(
    topic,
  )
  world.faults.plan({
    service: 'llm',
    does: { status: 200, text: '{"choices":[{"message":{"content":"no json"}}]}' },
  })
  await expect(model.answer('The topic of this part.', text, form)).rejects.toThrow('the form')
})

it('Zulip posts and edits, and says so when a message is gone', async () => {
  const zulip = new Zulip({
    url: `${world.url}/zulip`,
    email: access.botEmail,
    key: access.botKey,
  })
  const message = { stream: 'meetings', topic: 'monday', content: 'hello' }
  const id = await zulip.post(message)
  expect(await zulip.edit(id, { ...message, content: 'good day' })).toBe(true)
  expect(world.zulip.messages.get(id)).toMatchObject({ content: 'good day', edits: 1 })
  expect(await zulip.find(message, 'good')).toBe(id)
  expect(await zulip.find({ ...message, topic: 'friday' }, 'good')).toBeUndefined()
  world.zulip.messages.delete(id)
  expect(await zulip.edit(id, message)).toBe(false)
})

it('Whereby makes meetings and tells who was there', async () => {
  const whereby = new Whereby({ url: `${world.url}/whereby`, key: access.wherebyKey })
  const meeting = await whereby.createMeeting({ name: 'daily', end: new Date() })
  await whereby.uploadLogo(meeting.roomName, new Blob(['png']))
  expect(await whereby.sessions(meeting.roomName)).toEqual([])
  world.whereby.sessions.set(meeting.roomName, [{ endedAt: null }])
  expect(await whereby.sessions(meeting.roomName)).toEqual([{ endedAt: null }])
})

it('the receiver takes what is signed rightly, and refuses what is not', async () => {
  const send = async (secret: string): Promise<number> => {
    const body = '{"event":"test"}'
    const signature = sign(secret, body, 1_700_000_000)
    const headers = { 'x-webhook-signature': signature, 'x-webhook-event': 'test' }
    const answer = await fetch(`${world.url}/receiver/acme`, { method: 'POST', body, headers })
    return answer.status
  }
  expect(await send(access.webhookSecret)).toBe(204)
  expect(await send('guessed')).toBe(401)
  expect(world.receiver.received.map(({ event }) => event)).toEqual(['test'])
})

it('a service fails, delays, hangs and breaks as planned, and every request is written down', async () => {
  const plan = async (does: object): Promise<void> => {
    const body = JSON.stringify({ service: 'health', does })
    const headers = { 'content-type': 'application/json' }
    await fetch(`${world.url}/__control/faults`, { method: 'POST', body, headers })
  }
  const ping = (): Promise<Response> =>
    fetch(`${world.url}/health/ping`, { signal: AbortSignal.timeout(300) })
  await plan({ status: 429, headers: { 'retry-after': '7' } })
  const busy = await ping()
  expect([busy.status, busy.headers.get('retry-after')]).toEqual([429, '7'])
  await plan({ reset: true })
  await expect(ping()).rejects.toThrow('fetch failed')
  await plan({ hang: true })
  await expect(ping()).rejects.toThrow('timeout')
  await plan({ delay: 30 })
  const begun = performance.now()
  expect((await ping()).status).toBe(200)
  expect(performance.now() - begun).toBeGreaterThan(25)
  const answer = await fetch(`${world.url}/__control/journal?service=health`)
  const { visits } = (await answer.json()) as { visits: { path: string }[] }
  expect(visits.map(({ path }) => path)).toEqual(['/ping', '/ping', '/ping', '/ping'])
})
