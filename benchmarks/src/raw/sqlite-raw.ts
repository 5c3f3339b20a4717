import { setImmediate } from 'node:timers/promises'
import { systemRandom } from 'taskwright'
import { openDatabase } from '../../../dist/sqlite/database.js'
import { state } from '../../../dist/sqlite/schema.js'
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
import { end, hold, insert, read, save } from './sqlite-statements.ts'

/** Tasks of one transaction: more gain little, see the reference in docs/performance.md. */
const batch = 100
/** The first token of a claim; the engine's have the same width. */
const firstToken = 2 ** 41

/**
 * The limit on SQLite: the engine's own statements on the engine's own schema and settings, on the
 * main thread, with nothing around them. A hundred tasks are settled and the next hundred claimed in
 * one transaction. No codec, no handler, no lease renewal, no thread.
 */
export async function sqliteRaw(
  file: string,
  { results, synchronous }: StoreUse & { synchronous: 'normal' | 'full' },
): Promise<Subject> {
  const library = await loadLibrary(undefined)
  const { handle } = openDatabase({ file, library, synchronous, random: systemRandom })
  handle.exec(`INSERT OR IGNORE INTO tw_queue(name) VALUES ('${queueName}')`)
  const { no } = handle.prepare('SELECT no FROM tw_queue WHERE name = ?').get(queueName) as {
    no: number
  }
  const [inserting, reading, holding, ending, saving] = [insert, read, hold, end, save].map((sql) =>
    handle.prepare(sql),
  ) as [Statement, Statement, Statement, Statement, Statement]

  // As the engine reads them, where the library can.
  reading.setReturnArrays?.(true)

  const sendAll = (texts: readonly string[]): void => {
    const now = Date.now()
    handle.exec('BEGIN IMMEDIATE')
    for (const text of texts) {
      const id = newId()
      inserting.run(id, no, priority, state.ready, now, now, null, messageBody(id, text))
    }
    handle.exec('COMMIT')
  }
  let token = firstToken
  /** Settles what is held and claims the next; `first` is the token of the first one held. */
  const turn = (held: readonly Row[], first: number, room = batch): Row[] => {
    const now = Date.now()
    handle.exec('BEGIN IMMEDIATE')
    for (const [i, { id }] of held.entries()) {
      ending.run(id, first + i)
      if (results) saving.run(id, now + resultLife, resultBody, now)
    }
    const rows = reading.all(no, room).map(rowOf)
    for (const { seq } of rows) holding.run(token++, now + lease, seq)
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

type Statement = ReturnType<Awaited<ReturnType<typeof openDatabase>>['handle']['prepare']>

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
