import { describe, expect, it } from 'vitest'
import { QueueFullError, StoreError } from '../../../src/core/errors.ts'
import { Connection } from '../../../src/sqlite/connection.ts'
import { describeFailure, failureError, sqliteCode } from '../../../src/sqlite/failure.ts'
import { QueueNumbers } from '../../../src/sqlite/queue-numbers.ts'
import { initialise } from '../../../src/sqlite/schema.ts'
import { inTransaction, loadLibrary, nodeHasSqlite } from '../../../src/sqlite/sql-driver.ts'
import { fromStored, toStored } from '../../../src/sqlite/stored-body.ts'
import {
  packOperation,
  packReply,
  unpackOperation,
  unpackReply,
} from '../../../src/sqlite/thread-packing.ts'
import { Tokens } from '../../../src/sqlite/tokens.ts'
import { adoptedState } from '../../../src/core/fire-decision.ts'

const library = await loadLibrary(undefined)

function database(): Connection {
  const sql = new Connection(new library.Database(':memory:'))
  initialise(sql, ':memory:')
  return sql
}

describe('Tokens', () => {
  it('are unique, below 2^47 and known as ours, over a million claims and a rollback', () => {
    const sql = database()
    const [ours, others] = [new Tokens(), new Tokens()]
    const first = ours.next(sql)
    ours.committed()
    const other = others.next(sql)
    others.committed()
    let last = first
    for (let i = 1; i <= 2 ** 20; i++) {
      const next = ours.next(sql)
      if (next <= last) throw new Error(`${next} came after ${last}`)
      last = next
    }
    expect(last).toBeLessThan(2 ** 47)
    expect(ours.mine).toHaveLength(2)
    const within = (token: number) =>
      ours.ranges().some(({ from, below }) => token >= from && token < below)
    expect([first, last, other].map(within)).toEqual([true, true, false])
    ours.rolledBack()
    expect(ours.mine).toHaveLength(1)
    expect(within(last)).toBe(false)
  })
})

describe('QueueNumbers', () => {
  it('forget what a rollback took back', () => {
    const sql = database()
    const queues = new QueueNumbers()
    expect(queues.find(sql, 'a')).toBeUndefined()
    sql.exec('BEGIN')
    queues.draw(sql, 'a')
    sql.rollback()
    queues.rolledBack()
    expect(queues.find(sql, 'a')).toBeUndefined()
    const b = queues.draw(sql, 'b')
    queues.committed()
    queues.rolledBack()
    expect([queues.find(sql, 'b'), queues.name(sql, b), queues.draw(sql, 'b')]).toEqual([b, 'b', b])
  })
})

describe('bodies', () => {
  it.each(['', 'a', '\u0000', '\u0001', '\u0001a\u0000b', 'a\u0001\u0000', '{"a":"\\u0000"}'])(
    'come back as they were (%j)',
    (body) => {
      expect(fromStored(toStored(body))).toBe(body)
      expect(toStored(body)).not.toContain('\u0000')
    },
  )
})

describe('packing', () => {
  it('brings operations and replies back as they were', () => {
    const envelope = { id: 'a', queue: 'q', priority: 4, body: 'x' }
    const claim = { id: 'a', queue: 'q', token: 5 }
    const operations = [
      {
        kind: 'send',
        ask: [envelope, { ...envelope, id: 'b', delay: 5, body: new Uint8Array(2) }],
      },
      {
        kind: 'settle',
        ask: [
          { claim, outcome: { kind: 'succeeded' } },
          {
            claim: { ...claim, id: 'b' },
            outcome: { kind: 'retry', delay: 5, body: 'again' },
            result: { id: 'c', body: 'r', expiresIn: 9 },
            followUps: [envelope],
          },
        ],
      },
      { kind: 'get', ask: ['a'] },
    ] as const
    expect(operations.map((each) => unpackOperation(packOperation(each)))).toEqual(operations)
    const deliveries = [
      { ...claim, priority: 1, body: 'x', redeliveries: 0, enqueuedAt: 7, expires: 9 },
    ]
    const reply = { done: true, answer: { deliveries, next: null } } as const
    const ask = { queues: ['q'], room: 1, lease: 1, early: false, suspects: 1 }
    expect(unpackReply(packReply({ kind: 'claim', ask }, reply))).toEqual(reply)
    expect(
      unpackReply(
        packReply({ kind: 'claim', ask }, { ...reply, answer: { deliveries: [], next: 5 } }),
      ),
    ).toEqual({
      done: true,
      answer: { deliveries: [], next: 5 },
    })
    const plans = [
      { id: 'a', print: 'p', mark: 1, anchor: 2 },
      { id: 'b', print: 'p', mark: 3, anchor: 2 },
    ]
    const adopt = { kind: 'adopt', ask: plans } as const
    expect(unpackOperation(packOperation(adopt))).toEqual(adopt)
    const state = adoptedState(undefined, { id: 'a', print: 'p', mark: 1, anchor: 2 })
    const states = {
      done: true,
      answer: [state, null, { ...state, message: 'm', last: 7 }],
    } as const
    expect(unpackReply(packReply({ kind: 'fireStates', ask: [] }, states))).toEqual(states)
    expect(unpackReply(packReply(adopt, { ...states, answer: [state] }))).toEqual({
      done: true,
      answer: [state],
    })
  })
})

describe('errors of SQLite', () => {
  const named = (code: string, message = 'told') => Object.assign(new Error(message), { code })

  it('are known by number, by name and by text', () => {
    expect(sqliteCode(Object.assign(new Error('x'), { errcode: 517 }))).toBe(5)
    expect(sqliteCode(named('SQLITE_BUSY_SNAPSHOT'))).toBe(5)
    expect(sqliteCode(new Error('database disk image is malformed'))).toBe(11)
    expect(sqliteCode(new Error('else'))).toBe(0)
    expect(sqliteCode('else')).toBe(0)
  })

  it.each([
    ['SQLITE_FULL', 'STORE_FULL', /disk of 'f' is full/],
    ['SQLITE_BUSY', 'STORE', /is locked/],
    ['SQLITE_READONLY', 'STORE', /cannot be written/],
    ['SQLITE_CANTOPEN', 'STORE', /cannot be opened/],
    ['SQLITE_CORRUPT', 'STORE', /is damaged/],
    ['SQLITE_NOTADB', 'STORE', /is not a SQLite database/],
    ['SQLITE_IOERR_READ', 'STORE', /reading or writing/],
    ['SQLITE_CONSTRAINT', 'STORE', /refused an operation/],
  ])('%s becomes %s', (code, ours, text) => {
    const error = failureError(describeFailure(named(code), 'f'))
    expect(error).toBeInstanceOf(StoreError)
    expect(error).toMatchObject({ code: ours, cause: { message: 'told' } })
    expect(error.message).toMatch(text)
  })

  it('keep errors of ours', () => {
    const full = failureError(describeFailure(new QueueFullError('q', 5), 'f'))
    expect(full).toMatchObject({ code: 'QUEUE_FULL', queue: 'q', cap: 5 })
    const store = failureError(describeFailure(new StoreError('gone', { transient: true }), 'f'))
    expect(store).toMatchObject({ message: 'gone', transient: true })
  })
})

describe('the driver', () => {
  it('knows which Node has node:sqlite', () => {
    expect(['20.19.0', '22.12.0', '22.13.0', '24.0.0'].map(nodeHasSqlite)).toEqual([
      false,
      false,
      true,
      true,
    ])
  })

  it('refuses what is no library', async () => {
    const bad: unknown = { DatabaseSync: 'no' }
    await expect(loadLibrary(bad as { DatabaseSync: never })).rejects.toThrow(
      /is not a SQLite library/,
    )
    await expect(loadLibrary('node:path')).rejects.toThrow(/'node:path' is not a SQLite library/)
  })

  it('asks for an open transaction where the library cannot tell', () => {
    const inner = new library.Database(':memory:')
    const mute = {
      exec: (sql: string) => inner.exec(sql),
      prepare: (sql: string) => inner.prepare(sql),
      close: () => inner.close(),
    }
    expect(inTransaction(mute)).toBe(false)
    mute.exec('BEGIN')
    expect(inTransaction(mute)).toBe(true)
    mute.close()
  })
})
