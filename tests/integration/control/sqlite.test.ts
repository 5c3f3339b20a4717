import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { controlSuite } from '../../support/control-suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'taskwright-control-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('on the SQLite transport', () => {
  let files = 0
  controlSuite(() => `sqlite:${join(folder, `${++files}.db`)}`)
})
