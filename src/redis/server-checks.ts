/** What is checked when a store is opened, and watched while it is: that Redis is fit to hold messages. */
import type { Timer } from '../core/clock.ts'
import { StoreError } from '../core/errors.ts'
import type { RedisStore } from './redis-store.ts'
import { checkScript, keySchema } from './scripts/check-script.ts'
import {
  evictionFindings,
  oldest,
  persistenceFindings,
  readInfo,
  skewFindings,
  tooOld,
  type Finding,
} from './server-report.ts'

/** Milliseconds between two looks whether the store is still the one that was opened. */
const watchEvery = 5000

/** What the script answers. */
type Checked = readonly [
  now: string,
  schema: string,
  epoch: string,
  refused: readonly string[],
  keys: number,
]

/**
 * Checks the server and the store. Tells the log what is dangerous.
 *
 * @returns the epoch of the store: it vanishes with all that is in it.
 * @throws StoreError where messages would be lost or misread: a server that is too old or evicts them, keys
 * of a newer layout, a user who may not do what is needed.
 */
export async function checkServer(store: RedisStore): Promise<string> {
  const { commands, around, connector } = store
  const { clock, logger, random } = around
  const at = `Redis at ${connector.where}`
  const refuse = (why: string): never => {
    throw new StoreError(`${at} cannot be used: ${why}`)
  }
  const info = await serverInfo(store)
  const old = tooOld(info)
  if (old !== undefined) refuse(`it is version ${old}, and ${oldest} or newer is needed.`)
  const before = clock.now()
  const [now, schema, epoch, refused, keys] = (await store.run(
    checkScript,
    [`${store.keys.app}store`],
    [keySchema, random.hex(16), store.options.taskiq === 'list' ? 1 : 0],
  )) as Checked
  const after = clock.now()
  if (Number(schema) > keySchema) {
    refuse(
      `its keys were written by a newer Taskwright (schema ${schema}, this one knows ${keySchema}). ` +
        'Update the taskwright package of this program.',
    )
  }
  if (refused.length > 0) {
    const rules = refused.map((command) => `+${command}`).join(' ')
    refuse(`the ACL user may not run ${refused.join(', ')}. Allow it: ACL SETUSER <name> ${rules}`)
  }
  if (keys === 1) {
    refuse(
      `the ACL user may not use all keys: those of the queues, ${store.keys.app}* and ${store.keys.result('*')}.`,
    )
  }
  await commands.call('CLIENT', ['UNBLOCK', 0])
  if (store.options.taskiq === 'list') {
    // No script may wait for a list.
    const probe = `${store.keys.app}probe`
    await commands.call('BLMOVE', [probe, probe, 'RIGHT', 'LEFT', 0.01])
  }
  for (const { level, message } of [
    ...evictionFindings(info),
    ...persistenceFindings(info, await saveSetting(store)),
    ...skewFindings({ server: Number(now), before, after }),
  ] satisfies readonly Finding[]) {
    if (level === 'error' && !store.allowEviction)
      refuse(`${message} Or allow it: redisTransport({ allowEviction: true }).`)
    logger[level === 'error' ? 'warn' : level](`${at}: ${message}`)
  }
  return epoch
}

/** What it says of itself; empty where it may not be asked, which is said. */
async function serverInfo({ commands, around, connector }: RedisStore) {
  try {
    return readInfo(String(await commands.call('INFO', [])))
  } catch (error) {
    if (error instanceof StoreError && error.transient) throw error
    around.logger.warn(
      `Redis at ${connector.where} does not answer INFO: its version and its memory policy are not checked.`,
      { error },
    )
    return readInfo('')
  }
}

/** When it makes snapshots; `undefined` where it does not tell (many hosted ones do not). */
async function saveSetting({ commands }: RedisStore): Promise<string | undefined> {
  try {
    const answer = (await commands.call('CONFIG', ['GET', 'save'])) as readonly string[]
    return answer[1]
  } catch {
    return undefined
  }
}

/**
 * Notices when everything that was stored is gone (FLUSHALL, a server that came back empty) and says so.
 * Queues and groups are made anew; what is running ends as `gone`.
 */
export class EpochWatch {
  readonly #store: RedisStore
  #epoch: string
  #timer: Timer | undefined
  #stopped = false

  constructor(store: RedisStore, epoch: string) {
    this.#store = store
    this.#epoch = epoch
    this.#wait()
  }

  /** Looks once; whether the store is the one that was opened. @throws StoreError */
  async look(): Promise<boolean> {
    const { commands, keys, around, connector } = this.#store
    const store = `${keys.app}store`
    let epoch = (await commands.call('HGET', [store, 'epoch'])) as string | null
    if (epoch === null) {
      await commands.call('HSETNX', [store, 'schema', keySchema])
      await commands.call('HSETNX', [store, 'epoch', around.random.hex(16)])
      epoch = (await commands.call('HGET', [store, 'epoch'])) as string
    }
    const before = this.#epoch
    this.#epoch = epoch
    if (before === epoch || before === '') return true
    this.#store.forgetGroups()
    around.logger.error(
      `Redis at ${connector.where} has been emptied (FLUSHALL, or a restart without its data): ` +
        'messages that waited are gone, and what is running cannot be settled. The queues are made anew.',
    )
    return false
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #wait(): void {
    const { clock, random } = this.#store.around
    const pause = watchEvery * (0.75 + random.next() / 2)
    this.#timer = clock.after(
      pause,
      () => {
        // A store that does not answer is told by those who need it.
        void this.look()
          .catch(() => {})
          .then(() => {
            if (!this.#stopped) this.#wait()
          })
      },
      { background: true },
    )
  }
}
