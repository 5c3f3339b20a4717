import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { StoreError } from '../../src/core/errors.ts'
import { state } from '../../src/sqlite/schema.ts'
import { look, message, useSqliteFolder } from '../integration/sqlite/sqlite-fixture.ts'

const sqlite = useSqliteFolder()
const id = 'a-message-whose-bytes-can-be-found'
const priority = 4

/** Changes the state of the row, and not the index that says what waits: one byte of a page. */
function damage(file: string): void {
  const bytes = readFileSync(file)
  // The queue is 1, which takes no byte in a record.
  const at = bytes.indexOf(Buffer.from([...Buffer.from(id), priority, state.ready])) + id.length + 1
  expect(bytes[at]).toBe(state.ready)
  bytes[at] = 77
  writeFileSync(file, bytes)
}

it('a row that its index goes on calling waiting is not claimed for ever: the file is damaged', async () => {
  const first = await sqlite.open()
  await first.transport.send([message({ id, priority })])
  await first.results.stop()
  await first.transport.stop()
  damage(sqlite.file)
  const { transport } = await sqlite.open()
  const claims = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) await look(transport)
  }
  await expect(claims()).rejects.toThrow(StoreError)
  await expect(transport.send([message()])).rejects.toThrow(/is damaged/)
})
