/**
 * Scenario 30: what it costs, on a real Redis with two worker processes. The budgets are wide enough for a machine that
 * has much else to do, and narrow enough for what goes wrong by an order of magnitude. What was measured is printed,
 * `REFLECTOR_W2=200` for as many workflows; beside Celery and others: `npm run bench -- --peers`.
 */
import { connect } from 'node:net'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeRecording } from '../../src/audio/recording.ts'
import { encodeWav } from '../../src/audio/wav.ts'
import { broker } from '../../src/broker.ts'
import { saveTopic } from '../../src/data/topics.ts'
import { ping } from '../../src/tasks/health.ts'
import { afterLive } from '../../src/workflows.ts'
import { setStage, shortTalk, type Stage } from '../stage.ts'

const workflows = Number(process.env['REFLECTOR_W2'] ?? 20)
const messages = 3000

let stage: Stage
beforeEach(async () => {
  stage = await setStage({ mode: 'concurrent' }, { FFMPEG: 'none' })
})
afterEach(() => stage.end())

describe('what it costs', () => {
  it(`${messages} tasks that do nothing`, async () => {
    // The first ones open connections and load code.
    await sendAndWait(200)
    const before = await redisMemory()
    const cpu = process.cpuUsage()
    const begun = performance.now()
    await ping.kiqMany(Array.from({ length: messages }, () => []))
    const used = process.cpuUsage(cpu)
    await stage.app.drain()
    const seconds = (performance.now() - begun) / 1000
    const enqueue = (used.user + used.system) / messages
    const bytes = ((await redisMemory()) - before) / messages
    tell(
      `${Math.round(messages / seconds)} tasks a second by two workers, with a count of each run`,
    )
    tell(`${enqueue.toFixed(0)} µs of processor time to send one`)
    tell(`${Math.round(bytes)} bytes in Redis for the result of one`)
    const wait = await latency()
    tell(`${wait.toFixed(1)} ms from a send to its answer`)
    expect(wait).toBeLessThan(250)
    expect(stage.app.settled(ping)).toHaveLength(messages + 200)
    expect(messages / seconds).toBeGreaterThan(50)
    expect(enqueue).toBeLessThan(500)
    expect(bytes).toBeLessThan(2000)
  })

  it(`${workflows} times what follows a live recording`, async () => {
    const wav = encodeWav(makeRecording(shortTalk))
    const ids: string[] = []
    for (let count = 0; count < workflows; count++) ids.push(await recorded(wav))
    const before = await redisMemory()
    const begun = performance.now()
    const handles = await Promise.all(ids.map((id) => afterLive(id, id)))
    await stage.app.drain()
    const seconds = (performance.now() - begun) / 1000
    const bytes = ((await redisMemory()) - before) / workflows
    const page = await broker.workflows({ limit: workflows })
    const last = Math.max(...page.map(({ endedAt }) => endedAt?.getTime() ?? 0))
    const first = Math.min(...page.map(({ createdAt }) => createdAt.getTime()))
    tell(`${workflows} workflows of nine steps in ${((last - first) / 1000).toFixed(1)} s`)
    tell(`${Math.round(bytes)} bytes in Redis for one that has ended`)
    for (const { runId } of handles) expect(await broker.workflow(runId).status()).toBe('succeeded')
    expect(stage.app.failures).toEqual([])
    expect(workflows / seconds).toBeGreaterThan(0.5)
    expect(bytes).toBeLessThan(60_000)
  }, 300_000)
})

/** Milliseconds from a send to its answer, of one at a time: the median. */
async function latency(): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < 50; count++) {
    const begun = performance.now()
    await (await ping.kiq()).result()
    times.push(performance.now() - begun)
  }
  return times.sort((a, b) => a - b)[25] ?? Infinity
}

async function sendAndWait(count: number): Promise<void> {
  await ping.kiqMany(Array.from({ length: count }, () => []))
  await stage.app.drain()
}

/** A live recording as it is when somebody has just stopped to speak. */
async function recorded(wav: Buffer): Promise<string> {
  const transcript = await stage.transcript({ source_kind: 'live' })
  await stage.recording(transcript, 'audio.wav')
  await writeFile(join(stage.folder, 'data', transcript.id, 'audio.wav'), wav)
  const words = [{ text: 'Hello.', start: 0, end: 0.5, speaker: 0 }]
  const topic = { id: transcript.id, title: 'Hello', summary: 'Hello.', timestamp: 0, duration: 1 }
  await saveTopic(stage.db, transcript.id, { ...topic, transcript: 'Hello.', words })
  return transcript.id
}

const tell = (text: string): void => console.log(`  ${text}`)

/** Bytes that Redis uses. */
function redisMemory(): Promise<number> {
  const { hostname, port } = new URL(process.env['TASKWRIGHT_URL'] ?? '')
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write('INFO memory\r\n'))
    socket.once('error', reject)
    socket.once('data', (data) => {
      socket.destroy()
      resolve(Number(/^used_memory:(\d+)/m.exec(data.toString())?.[1]))
    })
  })
}
