/**
 * Reflector, running: the application, the outside world, a scheduler and two worker processes. Two people
 * talk; one recording is uploaded, another is played live, and both go through their workflow.
 *
 * Run it with `npm run demo`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dialogue } from '../audio/dialogue.ts'
import { makeRecording } from '../audio/recording.ts'
import { encodeWav } from '../audio/wav.ts'
import type { Transcript } from '../data/transcripts.ts'
import { DemoClient } from './client.ts'
import { load, loadEnvironment } from './load.ts'
import { check, eventLine, heading, line, printTranscript } from './report.ts'
import { startWorld, type DemoWorld } from './world.ts'

const usage = `npm run demo [-- options]

  --keep        leaves everything running, with the page open at the address printed, until Ctrl+C
  --port N      the page's port; a free one by default
  --kill        kills a worker process in each of the nine steps that follow the live recording
  --redis       the queue on Redis instead of a SQLite file: the one at REDIS_URL, or one of its own,
                which needs the program redis-server
  --load N      N transcripts at once instead of the conversation: files and live recordings, two to one
  --text        the smaller demo instead: a document analysed by two workers, one of which is killed
`
const { values } = parseArgs({
  options: {
    keep: { type: 'boolean', default: false },
    port: { type: 'string', default: '0' },
    kill: { type: 'boolean', default: false },
    redis: { type: 'boolean', default: false },
    load: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

function redisPlace(): 'redis' | `redis:${string}` | `rediss:${string}` {
  const url = process.env['REDIS_URL'] ?? 'redis'
  if (url === 'redis' || url.startsWith('redis:') || url.startsWith('rediss:'))
    return url as 'redis' | `redis:${string}`
  throw new Error(`REDIS_URL is a redis:// URL, not '${url}'`)
}

const killed = new Set<string>()
/** What follows a live recording. */
const steps =
  /^task_pipeline_(waveform|convert|upload|remove|diarization|title|final)|_consent$|_zulip$/
let isLive = false

if (values.help) console.log(usage)
else await main()

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'reflector-demo-'))
  const broker = values.redis ? redisPlace() : 'sqlite'
  heading('Reflector: who said what, and what it comes to')
  const started = performance.now()
  const world = await startWorld({
    folder,
    port: Number(values.port),
    broker,
    // Short, so that what a killed process held comes back while you watch.
    lease: values.kill ? '2s' : '5s',
    onTask: values.load === undefined ? onTask() : () => {},
    env: values.load === undefined ? {} : loadEnvironment,
    onProblem: (text) => console.error(`  ${text}`),
  })
  // The terminal tells all of them; a program that ends this one does not.
  process.once('SIGTERM', () => void world.stop().then(() => process.exit(143)))
  try {
    line('running', [...world.processes].join(', '))
    line('queue', broker === 'sqlite' ? 'one SQLite file' : broker)
    line('page', world.url)
    const right =
      values.load === undefined ? await demonstrate(world) : await load(world, Number(values.load))
    line('took', `${((performance.now() - started) / 1000).toFixed(1)} s`)
    process.exitCode = right ? 0 : 1
    if (values.keep) {
      heading(`The page: ${world.url}    (Ctrl+C ends it)`)
      await new Promise((resolve) => process.once('SIGINT', resolve))
    }
  } finally {
    await world.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** One that is dead already had this step in its hands as well. */
function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** A line for each task that a worker begins; of those that come by the schedule, for the first. */
function onTask(): (task: string, pid: number) => void {
  const seen = new Set<string>()
  return (task, pid) => {
    if (values.kill && isLive && steps.test(task) && !killed.has(task)) {
      killed.add(task)
      killNow(pid)
      line(String(pid), `${task}: killed`)
      return
    }
    if (seen.has(task) && !/^(task_|send_)/.test(task)) return
    seen.add(task)
    line(String(pid), task)
  }
}

/** Both ways through the application; whether all came out as it should. */
async function demonstrate({ url, standIns }: DemoWorld): Promise<boolean> {
  const client = new DemoClient(url)
  const outside = new DemoClient(standIns)
  await client.post('/v1/rooms', {
    name: 'planning',
    zulip_auto_post: true,
    zulip_stream: 'meetings',
    zulip_topic: 'planning',
    webhook_url: `${standIns}/receiver/acme`,
    webhook_secret: 'webhook-secret',
  })
  const recording = makeRecording(dialogue)

  heading('A recording is uploaded')
  const file = await client.post<Transcript>('/v1/transcripts', {
    source_kind: 'room',
    room: 'planning',
    name: 'Planning',
  })
  const fileEnded = client.watch(file.id, eventLine)
  await client.upload(file.id, encodeWav(recording))
  const fileStatus = await fileEnded
  const fileWork = await workEnded(client, file.id)
  printTranscript(await client.transcript(file.id), await client.topics(file.id))

  heading('A conversation is played live')
  isLive = true
  const live = await client.post<Transcript>('/v1/transcripts', {
    source_kind: 'live',
    room: 'planning',
    name: 'Live',
  })
  const liveEnded = client.watch(live.id, eventLine)
  await client.play(live.id, recording.samples)
  const liveStatus = await liveEnded
  const liveWork = await workEnded(client, live.id)

  heading('And it came out right')
  const spoken = dialogue.map(({ speaker }) => speaker)
  const webhooks = await eventually(async () => {
    type Received = { received: { body: { transcript: { id: string } } }[] }
    const { received } = await outside.get<Received>('/receiver/received')
    return received.filter(({ body }) => body.transcript.id === file.id)
  })
  const { visits } = await outside.get<{ visits: { method: string; status: number }[] }>(
    '/__control/journal?service=zulip',
  )
  const posted = visits.filter(({ method, status }) => method === 'POST' && status === 200)
  const speakers = await Promise.all([file, live].map(({ id }) => speakersOf(client, id)))
  return [
    check(fileStatus === 'ended' && fileWork === 'succeeded', 'the file and what follows it'),
    check(
      liveStatus === 'ended' && liveWork === 'succeeded',
      'the live recording and its nine steps',
    ),
    check(
      speakers.every((found) => String(found) === String(spoken)),
      `two voices told apart, ${spoken.length} turns, in both`,
    ),
    check(await toldOnce(client, live.id), 'every event told once, the end of it last'),
    check(webhooks.length === 1, 'one webhook arrived, signed'),
    check(posted.length === 2, 'two messages on Zulip'),
    ...(values.kill
      ? [check(killed.size === 9, `a worker killed in each of ${killed.size} steps`)]
      : []),
  ].every(Boolean)
}

/** Whether what there is one of was told once, and each topic. */
async function toldOnce(client: DemoClient, id: string): Promise<boolean> {
  const events = await client.events(id)
  const count = (name: string): number => events.filter(({ event }) => event === name).length
  const singles = [
    'DURATION',
    'WAVEFORM',
    'FINAL_TITLE',
    'FINAL_LONG_SUMMARY',
    'FINAL_SHORT_SUMMARY',
  ]
  const last = events.at(-1)
  return (
    singles.every((name) => count(name) === 1) &&
    count('TOPIC') === (await client.topics(id)).length &&
    last?.event === 'STATUS' &&
    last.data.value === 'ended'
  )
}

/** Who spoke, turn by turn. */
async function speakersOf(client: DemoClient, id: string): Promise<number[]> {
  const words = (await client.topics(id)).flatMap((topic) => topic.words)
  return words
    .map(({ speaker }) => speaker)
    .filter((speaker, index, all) => index === 0 || speaker !== all[index - 1])
}

/** How the workflow of a transcript ended. */
async function workEnded(client: DemoClient, id: string): Promise<string | null> {
  const ended = await eventually(async () => {
    const state = await client.workflow(id)
    return state === null || state === 'running' ? [] : [state]
  })
  return ended[0] ?? null
}

/** Asks until there is something, for half a minute. */
async function eventually<T>(look: () => Promise<T[]>): Promise<T[]> {
  for (const begun = performance.now(); ;) {
    const found = await look()
    if (found.length > 0 || performance.now() - begun > 30_000) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
