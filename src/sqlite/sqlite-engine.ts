/**
 * All operations of one turn of the loop, in one transaction.
 *
 * `transact` is synchronous: BEGIN IMMEDIATE, each operation in order, COMMIT. Nothing of anybody else
 * runs in between, and there is never an await inside.
 *
 * - Only reads, or claims that find nothing: no transaction and no write lock.
 * - The lock is held by another connection: every operation answers `busy`; the runner asks again.
 * - One operation fails: all is rolled back, then each is done in a transaction of its own, so that it
 *   fails alone.
 * - The disk is full: the ballast is released, sends answer `full` until it can be made anew, and
 *   everything else is tried again.
 * - After each commit the file must still be the one that was opened; otherwise what was written lies
 *   in a file that nobody can find: the operations fail, and so does every later one.
 */
import { failpoint } from '../core/failpoint.ts'
import { Ballast } from './ballast.ts'
import { claim, emptyClaim } from './claim.ts'
import { ClaimedLines } from './claimed-lines.ts'
import { controlHandlers } from './control.ts'
import type { Connection } from './connection.ts'
import { absoluteFile, checkpointPages, openDatabase, type DatabaseOptions } from './database.ts'
import { deadLetter, deadLetters, deleteDead, retryDead, trimDead } from './dead-letters.ts'
import { describeFailure, type Failure } from './failure.ts'
import {
  adopt,
  fire,
  fireStates,
  forgetPlans,
  groupLeaders,
  leadGroup,
  pausePlans,
  resignGroup,
} from './fires.ts'
import { FileWatch } from './file-guards.ts'
import { configureGates } from './gates.ts'
import { graphHandlers } from './graph-handlers.ts'
import { forgetGraphs } from './graphs-of-turn.ts'
import { peek, queueCounts, scheduled, states } from './inspect.ts'
import { cancel, cancelledAmong, configure, extend, recover, release } from './leases.ts'
import { acquirePermit, freePermit, renewPermit } from './locks.ts'
import {
  readOnly,
  type News,
  type Operation,
  type OperationKind,
  type Operations,
  type Reply,
} from './operations.ts'
import { putPlans, readPlans, removePlans } from './plans.ts'
import { QueueNumbers } from './queue-numbers.ts'
import {
  deleteResults,
  getProgress,
  getResults,
  saveProgress,
  saveResults,
  sweepExpired,
} from './results.ts'
import { holdOffRate, setRate, takeRate } from './rates.ts'
import { pragma } from './schema.ts'
import { send } from './send.ts'
import { settle } from './settle.ts'
import { Tokens } from './tokens.ts'
import type { Turn } from './turn.ts'
import { keyHolders } from './unique.ts'

/** How an engine is opened. */
export interface EngineOptions extends DatabaseOptions {
  readonly maintenance: boolean
  /** Process numbers of an engine whose place this one takes: its claims are ours. */
  readonly mine?: readonly number[] | undefined
}

/** What `transact` answers. */
export interface Transacted {
  readonly replies: Reply[]
  readonly news: News
}

type Handlers = {
  [K in OperationKind]: (turn: Turn, ask: Operations[K]['ask']) => Operations[K]['answer']
}

const handlers: Handlers = {
  adopt,
  fireStates,
  fire,
  pausePlans,
  forgetPlans,
  leadGroup,
  resignGroup,
  groupLeaders,
  readPlans,
  putPlans,
  removePlans,
  ...graphHandlers,
  send,
  claim,
  settle,
  extend,
  cancelledAmong,
  recover,
  release,
  cancel,
  configure,
  configureGates,
  save: saveResults,
  get: getResults,
  delete: deleteResults,
  saveProgress,
  getProgress,
  queues: queueCounts,
  peek,
  scheduled,
  states,
  deadLetters,
  deadLetter,
  retryDead,
  deleteDead,
  trimDead,
  keyHolders,
  ...controlHandlers,
  takeRate,
  setRate,
  holdOffRate,
  acquirePermit,
  renewPermit,
  freePermit,
}

/** Milliseconds between two sweeps of expired results, and between two attempts to make the ballast anew. */
const sweepEvery = 10_000
const ballastEvery = 1000

/** See the top of the file. */
export class SqliteEngine {
  readonly #sql: Connection
  readonly #file: string
  readonly #watch: FileWatch
  readonly #ballast: Ballast
  readonly #tokens: Tokens
  readonly #queues = new QueueNumbers()
  readonly #lines = new ClaimedLines()
  readonly #maintenance: boolean
  #broken: Failure | undefined
  #full: Failure | undefined
  #nextBallast = 0
  #nextSweep = 0

  /** @throws StoreError */
  constructor(options: EngineOptions) {
    this.#sql = openDatabase(options)
    this.#file = absoluteFile(options.file)
    this.#watch = new FileWatch(this.#file)
    this.#ballast = new Ballast(this.#file, options.random)
    this.#ballast.ensure()
    this.#tokens = new Tokens(options.mine)
    this.#maintenance = options.maintenance
  }

  /** Process numbers of this instance. */
  get mine(): readonly number[] {
    return this.#tokens.mine
  }

  /** Does operations. `now` is the caller's clock. Never throws: each operation has its reply. */
  transact(operations: readonly Operation[], now: number): Transacted {
    const replies: Reply[] = []
    const news: News = { work: false, results: false, cancels: false, locks: false, unfinished: [] }
    const turn: Turn = {
      sql: this.#sql,
      now: Math.round(now),
      tokens: this.#tokens,
      lines: this.#lines,
      queues: this.#queues,
      news: { ...news, unfinished: [] },
      maintenance: this.#maintenance,
    }
    this.#mendFull(turn.now)
    const open = operations.map((_, i) => i).filter((i) => this.#admit(operations, i, replies))
    if (open.length > 0 && !this.#onlyLook(turn, { operations, open, replies })) {
      this.#together(turn, { operations, open, replies, news })
    }
    const failure = this.#broken ?? this.#checkFile()
    return failure === undefined
      ? { replies, news }
      : { replies: operations.map(() => ({ done: false, failure })), news }
  }

  /** Changes whenever another connection has written. */
  dataVersion(): number {
    try {
      return pragma(this.#sql, 'data_version')
    } catch {
      // Whoever calls next is told what is wrong.
      return -1
    }
  }

  /** Closes the database. */
  close(): void {
    // Not left to the last close: a library may keep the connection until its statements are collected.
    if (this.#broken === undefined) this.#checkpoint()
    this.#sql.close()
  }

  /** Whether an operation may be tried at all now; where not, it has its reply. */
  #admit(operations: readonly Operation[], i: number, replies: Reply[]): boolean {
    const refused = this.#broken ?? (operations[i]?.kind === 'send' ? this.#full : undefined)
    if (refused !== undefined) replies[i] = { done: false, failure: refused }
    return refused === undefined
  }

  /** Does operations that write nothing without a transaction; `false` where one may write. */
  #onlyLook(turn: Turn, work: Work): boolean {
    const found: [number, unknown][] = []
    try {
      for (const i of work.open) {
        const operation = work.operations[i]
        if (operation === undefined) continue
        if (operation.kind === 'claim') {
          const answer = emptyClaim(turn, operation.ask)
          if (answer === undefined) return false
          found.push([i, answer])
        } else if (readOnly.has(operation.kind)) found.push([i, perform(turn, operation)])
        else return false
      }
    } catch (error) {
      const failure = this.#describe(error)
      for (const i of work.open) work.replies[i] = { done: false, failure }
      return true
    }
    for (const [i, answer] of found) work.replies[i] = { done: true, answer }
    return true
  }

  /** One transaction for all; each alone where that fails. */
  #together(turn: Turn, work: Work & { news: News }): void {
    const { operations, open, replies, relieved = false } = work
    const failure = this.#attempt(turn, work)
    if (failure === undefined) return
    const again = failure.kind === 'full' && !relieved
    if (failure.kind === 'full') this.#becomeFull(failure)
    const hopeless = failure.kind === 'busy' || failure.kind === 'broken'
    if (hopeless || (open.length === 1 && !again)) {
      for (const i of open) replies[i] = { done: false, failure }
      return
    }
    for (const i of open) {
      if (this.#admit(operations, i, replies)) {
        this.#together(turn, { ...work, open: [i], relieved: relieved || again })
      }
    }
  }

  #attempt(
    turn: Turn,
    { operations, open, replies, news }: Work & { news: News },
  ): Failure | undefined {
    turn.news.work = turn.news.results = turn.news.cancels = turn.news.locks = false
    turn.news.unfinished = []
    forgetGraphs(turn)
    try {
      this.#sql.run('BEGIN IMMEDIATE')
      failpoint('sqlite.begin')
      for (const i of open) {
        const operation = operations[i]
        if (operation !== undefined) replies[i] = this.#reply(turn, operation)
        failpoint('sqlite.between')
      }
      if (this.#maintenance && turn.now >= this.#nextSweep) {
        this.#nextSweep = sweepExpired(turn) ? turn.now : turn.now + sweepEvery
      }
      failpoint('sqlite.commit.before')
      this.#sql.run('COMMIT')
      failpoint('sqlite.commit.after')
    } catch (error) {
      this.#rollback()
      return this.#describe(error)
    }
    this.#tokens.committed()
    this.#queues.committed()
    news.work ||= turn.news.work
    news.results ||= turn.news.results
    news.cancels ||= turn.news.cancels
    news.locks ||= turn.news.locks
    news.unfinished.push(...turn.news.unfinished)
    return undefined
  }

  /** A refusal that wrote nothing is the operation's own; everything else ends the transaction. */
  #reply(turn: Turn, operation: Operation): Reply {
    try {
      return { done: true, answer: perform(turn, operation) }
    } catch (error) {
      const failure = describeFailure(error, this.#file)
      if (failure.kind === 'queueFull') return { done: false, failure }
      throw error
    }
  }

  #rollback(): void {
    try {
      this.#sql.rollback()
    } catch {
      // The next BEGIN tells whether the connection is of any use.
    }
    this.#tokens.rolledBack()
    this.#queues.rolledBack()
  }

  #describe(error: unknown): Failure {
    const failure = describeFailure(error, this.#file)
    if (failure.kind === 'broken') this.#broken = failure
    return failure
  }

  /** Makes what room there is: the ballast, and the log, whose pages go into the file and which is cut off. */
  #becomeFull(failure: Failure): void {
    this.#full = failure
    this.#ballast.release()
    // A short log from now on: on a small disk it could take all that settles free.
    this.#sql.exec('PRAGMA wal_autocheckpoint = 100')
    this.#checkpoint()
  }

  #mendFull(now: number): void {
    if (this.#full === undefined) return
    if (now < this.#nextBallast && this.#nextBallast - now <= ballastEvery) return
    this.#nextBallast = now + ballastEvery
    if (!this.#ballast.ensure()) return
    this.#full = undefined
    this.#sql.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`)
  }

  #checkpoint(): void {
    try {
      this.#sql.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } catch {
      // Others read, or there is no room even for this: what follows tells.
    }
  }

  #checkFile(): Failure | undefined {
    const message = this.#watch.changed()
    if (message === undefined) return undefined
    this.#broken = { kind: 'broken', message, transient: false }
    return this.#broken
  }
}

interface Work {
  readonly operations: readonly Operation[]
  /** The places of those that are to be done. */
  readonly open: readonly number[]
  readonly replies: Reply[]
  /** Room was made once already for these. */
  readonly relieved?: boolean
}

function perform<K extends OperationKind>(
  turn: Turn,
  operation: { readonly kind: K; readonly ask: Operations[K]['ask'] },
): Operations[K]['answer'] {
  return handlers[operation.kind](turn, operation.ask)
}
