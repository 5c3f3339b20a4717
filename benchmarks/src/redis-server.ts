/**
 * A Redis of the benchmark's own: on a free port, without persistence, ended with the benchmark. Each store
 * is a database of it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import type { Redis } from 'ioredis'
import type { SlowCommands } from './engine.ts'

const databases = 64
let running: Promise<number> | undefined
let pid: number | undefined
let made = 0
/** Bytes that the server took before a store was made. */
const before = new Map<string, number>()

/** An empty database; starts the server before the first one. */
export async function makeDatabase(): Promise<string> {
  const port = await (running ??= startServer())
  const place = `redis://127.0.0.1:${port}/${made++ % databases}`
  await removeDatabase(place)
  before.set(place, await usedMemory(place))
  return place
}

/** Empties a database. */
export async function removeDatabase(place: string): Promise<void> {
  await onConnection(place, (client) => client.flushdb())
}

/** Bytes that the server took since a database was made. */
export async function grownBy(place: string): Promise<number> {
  return (await usedMemory(place)) - (before.get(place) ?? 0)
}

/** Keeps what takes longer than a millisecond from now on; the time is that of the clock, waits for a core included. */
export async function watchSlow(place: string): Promise<() => Promise<SlowCommands>> {
  await onConnection(place, async (client) => {
    await client.config('SET', 'slowlog-log-slower-than', '1000')
    await client.config('SET', 'slowlog-max-len', '1000000')
    await client.slowlog('RESET')
  })
  return () =>
    onConnection(place, async (client) => {
      const entries = (await client.slowlog('GET', 1_000_000)) as (readonly [
        number,
        number,
        number,
      ])[]
      const times = entries.map(([, , microseconds]) => microseconds / 1000)
      return {
        slowestMs: times.reduce((most, time) => Math.max(most, time), 1),
        over5Ms: times.filter((time) => time > 5).length,
      }
    })
}

/** The process of the server, once it runs. */
export const serverProcess = (): number | undefined => pid

/** The version of the server. */
export async function serverVersion(): Promise<string> {
  const port = await (running ??= startServer())
  const info = await onConnection(`redis://127.0.0.1:${port}/0`, (client) => client.info('server'))
  return /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown'
}

async function usedMemory(place: string): Promise<number> {
  const info = await onConnection(place, (client) => client.info('memory'))
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1])
}

async function onConnection<T>(place: string, work: (client: Redis) => Promise<T>): Promise<T> {
  // Loaded in the parent alone: the process that is measured has the library's ioredis, and not a second one.
  const { Redis: Client } = await import('ioredis')
  const client = new Client(place, { lazyConnect: true })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.quit()
  }
}

async function startServer(): Promise<number> {
  const port = await freePort()
  const settings = {
    port,
    databases,
    bind: '127.0.0.1',
    save: '',
    appendonly: 'no',
    dir: tmpdir(),
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  process.once('exit', () => server.kill('SIGKILL'))
  server.unref()
  const failed = once(server, 'error').then(([error]) => {
    throw new Error('redis-server cannot be started; is it installed and in PATH?', {
      cause: error,
    })
  })
  const ended = once(server, 'exit').then(([code]) => {
    throw new Error(`redis-server ended with code ${String(code)} before it was ready`)
  })
  const ready = new Promise<void>((resolve) => {
    let said = ''
    server.stdout.on('data', (text: Buffer) => {
      said += String(text)
      if (said.includes('eady to accept connections')) resolve()
    })
  })
  await Promise.race([ready, failed, ended])
  ended.catch(() => {})
  failed.catch(() => {})
  // What it says later is nobody's, and must not keep us alive.
  server.stdout.destroy()
  pid = server.pid
  return port
}

async function freePort(): Promise<number> {
  const probe = createServer()
  probe.listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
