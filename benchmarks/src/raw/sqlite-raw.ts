import { setImmediate } from 'node:timers/promises'
import { systemRandom } from 'taskwright'
import { hold, holdLine, selectReady } from '../../../dist/sqlite/claim.js'
import { openDatabase } from '../../../dist/sqlite/database.js'
import { manyRows, saveRows } from '../../../dist/sqlite/results.js'
import { state } from '../../../dist/sqlite/schema.js'
import { insert } from '../../../dist/sqlite/send.js'
import { end, endRun } from '../../../dist/sqlite/settle.js'
import { loadLibrary } from '../../../dist/sqlite/sql-driver.js'
import type { StoreUse } from '../engine.ts'
import {
  lease,
  messageBody,
  newId,
  priority,
  queueName,
  resultBody,
  resultLife,
} from '../message.ts'
import type { ServeOrder, Serving, Subject } from '../subject.ts'

/** Tasks of one transaction: more gain little. */
const batch = 100
/** The first token of a claim; the engine's have the same width. */
const firstToken = 2 ** 41

/**
 * The limit on SQLite: the engine's own statements on the engine's own schema and settings, on the
 * main thread, with nothing around them. A hundred tasks are settled and the next hundred claimed in
 * one transaction. No codec, no handler, no lease renewal, no thread.
 *
 * `lines: false` writes every row by a statement of its own, as most queues on SQLite do; otherwise a
 * hundred neighbours are held by one statement and ended by another.
 */
export async function sqliteRaw(file: string, use: RawUse): Promise<Subject> {
  const { results, synchronous, lines } = use
  const library = await loadLibrary(undefined)
  const { handle } = openDatabase({ file, library, synchronous, random: systemRandom })
  handle.exec(`INSERT OR IGNORE INTO tw_queue(name) VALUES ('${queueName}')`)
  const { no } = handle.prepare('SELECT no FROM tw_queue WHERE name = ?').get(queueName) as {
    no: number
  }
  const inserting = handle.prepare(insert)
  const reading = handle.prepare(selectReady)
  const holding = handle.prepare(hold)
  const holdingLine = handle.prepare(holdLine)
  const ending = handle.prepare(end)
  const endingLine = handle.prepare(endRun)
  const saving = handle.prepare(saveRows(1))
  const savingMany = handle.prepare(saveRows(manyRows))

  // As the engine reads them, where the library can.
  reading.setReturnArrays?.(true)

  const sendAll = (texts: readonly string[]): void => {
    const now = Date.now()
    handle.exec('BEGIN IMMEDIATE')
    for (const text of texts) {
      const id = newId()
      const body = messageBody(id, text)
      inserting.run(id, no, priority, state.ready, now, now, null, body, id, now, id)
    }
    handle.exec('COMMIT')
  }
  const saveAll = (rows: readonly Row[], now: number): void => {
    const values = rows.map(({ id }) => [id, now + resultLife, resultBody])
    const whole = values.length - (values.length % manyRows)
    for (let from = 0; from < whole; from += manyRows) {
      savingMany.run(...values.slice(from, from + manyRows).flat(), now)
    }
    for (const value of values.slice(whole)) saving.run(...value, now)
  }
  let token = firstToken
  /** Settles what is held and claims the next; `first` is the token of the first one held. */
  const turn = (held: readonly Row[], first: number, room = batch): Row[] => {
    const now = Date.now()
    handle.exec('BEGIN IMMEDIATE')
    const line = lines ? lineOf(held) : undefined
    if (line !== undefined) endingLine.run(line.first, line.last, first - line.first)
    else for (const [i, { id }] of held.entries()) ending.run(id, first + i)
    if (results) saveAll(held, now)
    const rows = reading.all(no, room).map(rowOf)
    const next = lines ? lineOf(rows) : undefined
    if (next !== undefined) {
      holdingLine.run(token - next.first, now + lease, next.first, next.last, no, priority)
      token += rows.length
    } else for (const { seq } of rows) holding.run(token++, now + lease, seq)
    handle.exec('COMMIT')
    return rows
  }
  const serve = (order: ServeOrder): Serving => {
    let settled = 0
    let stopped = false
    const loop = async (): Promise<void> => {
      let held: readonly Row[] = []
      while (!stopped) {
        const rows = turn(held, token - held.length)
        settled += held.length
        for (const { body } of rows) order.onHandled(body)
        held = rows
        await setImmediate()
      }
      turn(held, token - held.length, 0)
    }
    const looping = loop()
    return {
      settled: () => settled,
      async stop() {
        stopped = true
        await looping
      },
    }
  }
  return {
    send: async (text) => sendAll([text]),
    sendTogether: async (texts) => sendAll(texts),
    sendMany: async (texts) => sendAll(texts),
    serve: async (order) => serve(order),
    async close() {
      handle.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      handle.close()
    },
  }
}

/** Rows without a gap, which one statement can write. */
function lineOf(rows: readonly Row[]): { first: number; last: number } | undefined {
  const [first, last] = [rows[0]?.seq, rows.at(-1)?.seq]
  if (first === undefined || last === undefined) return undefined
  return last - first === rows.length - 1 ? { first, last } : undefined
}

interface RawUse extends StoreUse {
  readonly synchronous: 'normal' | 'full'
  readonly lines: boolean
}

interface Row {
  readonly seq: number
  readonly id: string
  readonly body: string
}

/** A row comes as the array of its columns, or as an object where the library has no arrays. */
function rowOf(found: unknown): Row {
  if (!Array.isArray(found)) return found as Row
  return { seq: found[0] as number, id: found[1] as string, body: found[8] as string }
}
