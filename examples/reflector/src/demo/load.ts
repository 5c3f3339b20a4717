import { readFileSync } from 'node:fs'
import { dialogue } from '../audio/dialogue.ts'
import { makeRecording } from '../audio/recording.ts'
import { encodeWav } from '../audio/wav.ts'
import type { Transcript } from '../data/transcripts.ts'
import { DemoClient } from './client.ts'
import { check, heading, line } from './report.ts'
import type { DemoWorld } from './world.ts'

/** WAV files only: it is the queue that is put under load, not ffmpeg. */
export const loadEnvironment = { FFMPEG: 'none', SQS_POLLING_TIMEOUT_SECONDS: '60' } as const

/** So many are on their way to the application at the same time. */
const atOnce = 12

/**
 * Many transcripts, two files to one live recording, as fast as the application takes them. Whether all
 * of them ended, with one webhook for each file and one message on Zulip for each of all.
 */
export async function load({ url, standIns, workers }: DemoWorld, count: number): Promise<boolean> {
  const client = new DemoClient(url)
  const outside = new DemoClient(standIns)
  const talk = makeRecording(dialogue.slice(0, 1))
  const wav = encodeWav(talk)
  await client.post('/v1/rooms', {
    name: 'load',
    zulip_auto_post: true,
    zulip_stream: 'load',
    zulip_topic: 'load',
    webhook_url: `${standIns}/receiver/load`,
    webhook_secret: 'webhook-secret',
  })
  heading(`${count} transcripts`)
  const begun = performance.now()
  const memory: number[] = []
  const files: string[] = []
  const all: string[] = []
  let next = 0
  let sent = 0
  const send = async (): Promise<void> => {
    while (next < count) {
      const isLive = next++ % 3 === 2
      const source_kind = isLive ? 'live' : 'room'
      const { id } = await client.post<Transcript>('/v1/transcripts', { source_kind, room: 'load' })
      all.push(id)
      if (!isLive) files.push(id)
      await (isLive ? client.play(id, talk.samples) : client.upload(id, wav))
      if (++sent % Math.ceil(count / 10) === 0) {
        memory.push(memoryOf(workers))
        line('sent', `${sent}, workers ${memory.at(-1)} MB`)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, send))
  const statuses = new Map<string, number>()
  for (const id of all) {
    const status = await ended(client, id)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  const seconds = (performance.now() - begun) / 1000
  line('ended', [...statuses].map(([status, many]) => `${many} ${status}`).join(', '))
  line('in', `${seconds.toFixed(1)} s, ${(count / seconds).toFixed(1)} transcripts a second`)
  await new Promise((resolve) => setTimeout(resolve, 2000))
  memory.push(memoryOf(workers))
  line('workers', `${memory.join(', ')} MB`)

  type Received = { received: { body: { transcript: { id: string } } }[] }
  const { received } = await outside.get<Received>('/receiver/received')
  const webhooks = received.map(({ body }) => body.transcript.id)
  const { messages } = await outside.get<{ messages: { content: string }[] }>('/__control/zulip')
  const posts = messages.map(({ content }) => /transcripts\/([\w-]+)/.exec(content)?.[1] ?? '')
  // By their peaks: what is between two collections of garbage says little.
  const half = Math.ceil(memory.length / 2)
  const [before, after] = [Math.max(...memory.slice(0, half)), Math.max(...memory.slice(half))]
  heading('And it came out right')
  return [
    check(statuses.get('ended') === count, `${count} ended`),
    check(sameOnce(webhooks, files), `one webhook for each of ${files.length} files`),
    check(sameOnce(posts, all), `one message on Zulip for each of ${all.length}`),
    // A process that has just begun grows; what is asked is whether it ends.
    ...(count < 100 ? [] : [check(after < before * 1.25, 'the workers did not grow')]),
  ].every(Boolean)
}

/** How a transcript ended, all that follows included; its status now, if it has not within three minutes. */
async function ended(client: DemoClient, id: string): Promise<string> {
  for (const begun = performance.now(); ;) {
    const { status } = await client.transcript(id)
    const state = await client.workflow(id)
    if (status === 'error' || (status === 'ended' && state === 'succeeded')) return status
    if (performance.now() - begun > 180_000) return `${status} (${state})`
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

const sameOnce = (found: readonly string[], wanted: readonly string[]): boolean =>
  JSON.stringify([...found].sort()) === JSON.stringify([...wanted].sort())

/** Of all workers, in MB; 0 where the system does not tell. */
function memoryOf(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0)
    } catch {
      return 0
    }
  })
  return Math.round(kilobytes.reduce((sum, one) => sum + one, 0) / 1024)
}
