/** Redis servers of a test's own, to be configured, killed, stopped and started again. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Milliseconds in which a server answers after its start, also when it reads a large file first. */
const patience = 30_000

/** A server of ours. */
export class OwnRedis {
  readonly port: number
  readonly folder: string
  readonly #settings: readonly string[]
  #child: ChildProcess | undefined
  #gone: Promise<void> = Promise.resolve()

  private constructor(port: number, folder: string, settings: readonly string[]) {
    this.port = port
    this.folder = folder
    this.#settings = settings
  }

  /** Starts one on a free port; `settings` are as on its command line: `['--appendonly', 'yes']`. */
  static async start(settings: readonly string[] = [], port?: number): Promise<OwnRedis> {
    const folder = mkdtempSync(join(tmpdir(), 'taskwright-redis-'))
    const redis = new OwnRedis(port ?? (await freePort()), folder, settings)
    await redis.start()
    return redis
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  get pid(): number {
    return this.#child?.pid ?? Number.NaN
  }

  /** What it has written down. */
  get log(): string {
    return readFileSync(join(this.folder, 'log'), 'utf8')
  }

  /** Starts it again, with what its disk holds. Resolves when it answers. */
  async start(more: readonly string[] = []): Promise<void> {
    mkdirSync(this.folder, { recursive: true })
    // A file of settings is the first argument.
    const [file] = this.#settings
    const isFile = file !== undefined && !file.startsWith('--')
    const args = [
      ...(isFile ? [file] : []),
      ...['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder],
      ...['--logfile', join(this.folder, 'log'), '--save', '', '--daemonize', 'no'],
      ...['--enable-debug-command', 'yes', '--repl-diskless-sync-delay', '0'],
    ]
    const child = spawn(
      'redis-server',
      [...args, ...this.#settings.slice(isFile ? 1 : 0), ...more],
      { stdio: 'ignore' },
    )
    this.#child = child
    let ended = false
    this.#gone = new Promise((resolve) => {
      child.once('exit', () => {
        ended = true
        resolve()
      })
    })
    const end = performance.now() + patience
    while (!(await this.#answers())) {
      if (ended || performance.now() > end)
        throw new Error(`redis-server ${args.join(' ')} does not answer: ${this.log.slice(-2000)}`)
    }
  }

  /** Sends it a signal; after one that ends it, {@link gone} resolves. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Kills it. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#gone
  }

  /** Calls a command by redis-cli; its answer. */
  cli(...args: readonly string[]): string {
    const base = ['-p', String(this.port), '--no-auth-warning']
    return execFileSync('redis-cli', [...base, ...args], {
      encoding: 'utf8',
      timeout: 30_000,
    }).trim()
  }

  /** Has a snapshot fail: from now on it refuses writes (MISCONF). It must hold a key. */
  async failSnapshot(): Promise<void> {
    this.cli('CONFIG', 'SET', 'rdb-key-save-delay', '1000000')
    this.cli('CONFIG', 'SET', 'save', '86400 1000000')
    this.cli('BGSAVE')
    const child = execFileSync('pgrep', ['-P', String(this.pid)], { encoding: 'utf8' })
    process.kill(Number.parseInt(child, 10), 'SIGKILL')
    await this.#untilInfo('persistence', 'rdb_last_bgsave_status:err')
  }

  /** Makes a snapshot that does not fail: it takes writes again. */
  async mendSnapshot(): Promise<void> {
    this.cli('CONFIG', 'SET', 'rdb-key-save-delay', '0')
    this.cli('BGSAVE')
    await this.#untilInfo('persistence', 'rdb_last_bgsave_status:ok')
    this.cli('CONFIG', 'SET', 'save', '')
  }

  /** Makes it a replica. Resolves when it has all that the primary has. */
  async follow(primary: OwnRedis): Promise<void> {
    this.cli('REPLICAOF', '127.0.0.1', String(primary.port))
    await this.#untilInfo('replication', 'master_link_status:up')
  }

  async #untilInfo(section: string, line: string): Promise<void> {
    const end = performance.now() + patience
    while (!this.cli('INFO', section).includes(line)) {
      if (performance.now() > end) throw new Error(`not ${line}: ${this.log.slice(-2000)}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Kills it and deletes its files. */
  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1', () => socket.write('PING\r\n'))
      const end = (yes: boolean): void => {
        socket.destroy()
        if (yes) resolve(true)
        else setTimeout(resolve, 10, false)
      }
      // With a password it refuses, and is ready all the same.
      socket.once('data', (data) => end(/^(\+PONG|-NOAUTH|-DENIED)/.test(String(data))))
      socket.once('error', () => end(false))
      socket.once('close', () => end(false))
    })
  }
}

/** A port on which nothing listens. */
export async function freePort(): Promise<number> {
  const listener = createServer()
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject)
    listener.listen(0, '127.0.0.1', resolve)
  })
  const { port } = listener.address() as AddressInfo
  await new Promise((resolve) => listener.close(resolve))
  return port
}

/** Whether servers of our own can be started here. */
export const hasOwnRedis: boolean = isInstalled()

function isInstalled(): boolean {
  try {
    execFileSync('redis-server', ['--version'])
    return true
  } catch {
    return false
  }
}
