import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { canvasSuite } from '../../support/canvas-suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'taskwright-canvas-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('on the SQLite transport', () => {
  let files = 0
  canvasSuite(() => `sqlite:${join(folder, `${++files}.db`)}`)
})
