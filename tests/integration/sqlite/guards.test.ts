import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { StoreError } from '../../../src/core/errors.ts'
import { logTo } from '../../../src/core/logger.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { ballastSize } from '../../../src/sqlite/ballast.ts'
import { Connection } from '../../../src/sqlite/connection.ts'
import { networkFileSystem } from '../../../src/sqlite/file-guards.ts'
import { migrate, migrations } from '../../../src/sqlite/schema.ts'
import type { SqliteOptions } from '../../../src/sqlite/index.ts'
import { ManualClock } from '../../../src/testing/index.ts'
import { look, message, succeeded, useSqliteFolder } from './sqlite-fixture.ts'

const sqlite = useSqliteFolder()
const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' })
const root = process.getuid?.() === 0

/** Starting fails with a StoreError that says this, and leaves the file as it was. */
async function refused(text: RegExp, options: Partial<SqliteOptions> = {}): Promise<void> {
  const file = options.file ?? sqlite.file
  const bytes = (): Buffer =>
    existsSync(file) && statSync(file).isFile() ? readFileSync(file) : Buffer.alloc(0)
  const before = bytes()
  const { transport } = sqlite.create(options)
  const error: unknown = await transport.start().then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(StoreError)
  expect(String(error)).toMatch(text)
  expect(bytes().equals(before)).toBe(true)
}

async function made(): Promise<void> {
  const open = await sqlite.open()
  await open.transport.send(Array.from({ length: 500 }, () => message({ body: 'x'.repeat(500) })))
  await open.results.stop()
  await open.transport.stop()
}

describe.each([{ thread: false }, { thread: true }])('starting, thread: $thread', ({ thread }) => {
  it('refuses a missing folder', () =>
    refused(/the folder .* does not exist/, { thread, file: sqlite.path('none/tasks.db') }))

  it('refuses a folder in place of the file', async () => {
    mkdirSync(sqlite.file)
    await refused(/is not a file/, { thread })
  })

  it('refuses an empty file and never fills it', async () => {
    writeFileSync(sqlite.file, '')
    await refused(/is empty/, { thread })
    expect(statSync(sqlite.file).size).toBe(0)
  })

  it('refuses a text file', async () => {
    writeFileSync(sqlite.file, 'Dear diary, this is no database.\n'.repeat(50))
    await refused(/is not a SQLite database/, { thread })
  })

  it('refuses the database of another program', async () => {
    sqlite.handle().exec('PRAGMA application_id = 7; CREATE TABLE mine(x)')
    await refused(/another program \(application_id 7/, { thread })
    expect(existsSync(`${sqlite.file}-wal`)).toBe(false)
  })

  it('refuses a newer schema', async () => {
    await made()
    const db = sqlite.handle()
    db.exec('PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)')
    db.close()
    await refused(/written by a newer Taskwright \(schema 99/, { thread })
  })

  it('refuses a truncated file', async () => {
    await made()
    truncateSync(sqlite.file, 3 * 4096 + 100)
    await refused(/damaged/, { thread })
  })

  it('refuses a log whose database is gone', async () => {
    writeFileSync(`${sqlite.file}-wal`, 'x')
    await refused(/its log .* is still there/, { thread })
  })
})

describe('starting', () => {
  it('finds a corrupt page', async () => {
    await made()
    const bytes = readFileSync(sqlite.file)
    // The last page is one of a table or an index; its cells now lead nowhere.
    bytes.fill(0xff, bytes.length - 4096 + 8, bytes.length - 4096 + 200)
    writeFileSync(sqlite.file, bytes)
    await refused(/is damaged \(.*restore a backup/)
  })

  it.skipIf(root)('refuses a read-only file and a read-only folder (not as root)', async () => {
    await made()
    chmodSync(sqlite.file, 0o400)
    await refused(/read-only/)
    chmodSync(sqlite.file, 0o600)
    chmodSync(sqlite.path('.'), 0o500)
    await refused(/read-only/)
    chmodSync(sqlite.path('.'), 0o700)
  })

  it('makes one database when many start at once', async () => {
    const all = Array.from({ length: 8 }, (_, i) => sqlite.create({ thread: i % 4 === 0 }))
    await Promise.all(all.map(({ transport }) => transport.start()))
    await Promise.all(all.map(({ transport }) => transport.send([message()])))
    expect(await look(all[0]!.transport)).toHaveLength(8)
    expect(new Set(all.map(({ transport }) => transport.store)).size).toBe(1)
  })

  it('moves an older schema forward, once, and takes a failed step back whole', async () => {
    await made()
    const sql = new Connection(sqlite.handle())
    const next = (migrations.at(-1)?.version ?? 0) + 1
    const step = { version: next, sql: 'ALTER TABLE tw_queue ADD COLUMN note TEXT' }
    const steps = [...migrations, step]
    migrate(sql, sqlite.file, steps)
    migrate(sql, sqlite.file, steps)
    expect(sql.get('SELECT note FROM tw_queue')).toMatchObject({ note: null })
    const bad = [...steps, { version: next + 1, sql: 'CREATE TABLE half(x); SELECT nothing' }]
    expect(() => migrate(sql, sqlite.file, bad)).toThrow(/nothing/)
    expect(sql.get('PRAGMA user_version')).toMatchObject({ user_version: next })
    expect(sql.get("SELECT 1 FROM sqlite_schema WHERE name = 'half'")).toBeUndefined()
  })

  it('knows network file systems by their type', () => {
    expect(networkFileSystem(sqlite.file)).toBeUndefined()
    expect(networkFileSystem(sqlite.file, 0x6969)).toBe('NFS')
    expect(networkFileSystem(sqlite.file, 0xff534d42 | 0)).toBe('CIFS')
  })
})

describe.each([{ thread: false }, { thread: true }])(
  'a file that changes, thread: $thread',
  ({ thread }) => {
    it('refuses every call when it was deleted, and loses nothing silently', async () => {
      const { transport, results } = await sqlite.open({ thread })
      await transport.send([message()])
      rmSync(sqlite.file)
      await expect(transport.send([message()])).rejects.toThrow(/deleted or moved away/)
      await expect(look(transport)).rejects.toThrow(/deleted or moved away/)
      await expect(results.get(['a'])).rejects.toThrow(/deleted or moved away/)
      expect(existsSync(sqlite.file)).toBe(false)
    })

    it('refuses every call when it was replaced', async () => {
      await made()
      renameSync(sqlite.file, sqlite.path('old.db'))
      for (const suffix of ['-wal', '-shm']) rmSync(sqlite.file + suffix, { force: true })
      const { transport } = await sqlite.open({ thread })
      renameSync(sqlite.path('old.db'), sqlite.file)
      await expect(transport.send([message()])).rejects.toThrow(/replaced by another file/)
      await expect(look(transport)).rejects.toThrow(/replaced by another file/)
    })
  },
)

describe('a disk without space', () => {
  const mounted: string[] = []
  afterEach(() => {
    for (const folder of mounted.splice(0)) run('umount', '-l', folder)
  })

  function smallDisk(): string | undefined {
    const folder = sqlite.path('disk')
    mkdirSync(folder)
    try {
      run('mount', '-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', folder)
    } catch {
      return undefined
    }
    mounted.push(folder)
    return folder
  }

  it('refuses sends, goes on settling, and takes sends again when there is space', async (context) => {
    const folder = smallDisk()
    if (folder === undefined) return context.skip('mounting a small tmpfs needs root')
    const file = `${folder}/tasks.db`
    const clock = new ManualClock()
    const warnings: string[] = []
    const around = {
      clock,
      random: seededRandom(1),
      logger: logTo((level, text) => level !== 'debug' && warnings.push(text)),
    }
    const { transport, results } = await sqlite.open({ file }, around)
    expect(statSync(`${file}-ballast`).size).toBe(ballastSize)
    let stored = 0
    let error: unknown
    // The first refusals make room themselves: the log is folded into the file.
    for (let refusals = 0; refusals < 3 && stored < 100_000;) {
      const batch = Array.from({ length: 50 }, () => message({ body: 'x'.repeat(900) }))
      await transport.send(batch).then(
        () => {
          stored += 50
          refusals = 0
        },
        (thrown: unknown) => {
          error = thrown
          refusals++
        },
      )
    }
    expect(error).toMatchObject({ code: 'STORE_FULL', transient: true })
    expect(existsSync(`${file}-ballast`)).toBe(false)
    await expect(transport.send([message()])).rejects.toMatchObject({ code: 'STORE_FULL' })
    let settled = 0
    for (;;) {
      const held = await look(transport, 50)
      if (held.length === 0) break
      const ends = held.map((claim) =>
        succeeded(claim, { result: { id: claim.id, body: 'done', expiresIn: 60_000 } }),
      )
      const statuses = await transport.settle(ends)
      settled += statuses.filter((status) => status === 'settled').length
    }
    expect(settled).toBe(stored)
    expect(await results.get(['none'])).toEqual([null])
    run('mount', '-o', 'remount,size=32m', folder)
    await clock.advance(1000)
    expect(await transport.send([message()])).toEqual(['stored'])
    expect(existsSync(`${file}-ballast`)).toBe(true)
    await transport.stop()
    await results.stop()
  })
})
