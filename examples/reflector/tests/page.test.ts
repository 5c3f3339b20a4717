import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser } from 'playwright-core'
import { build } from 'vite'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type RunningServer } from '../src/api/server.ts'
import { broker } from '../src/broker.ts'
import { workshop } from '../src/tasks/dependencies.ts'
import { setStage, type Stage } from './stage.ts'

const here = fileURLToPath(new URL('../', import.meta.url))
const candidates = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/google-chrome']
const program = candidates.find((file) => file !== undefined && existsSync(file))
const reason = program === undefined ? ' (skipped: no Chromium; name one in CHROMIUM)' : ''

describe.skipIf(program === undefined)(`the page${reason}`, () => {
  let stage: Stage
  let server: RunningServer
  let browser: Browser
  beforeAll(async () => {
    await build({
      configFile: `${here}vite.config.ts`,
      root: `${here}src/page`,
      logLevel: 'silent',
    })
    const args = ['--no-sandbox', '--disable-gpu']
    browser = await chromium.launch({ executablePath: program ?? '', args })
  })
  afterEach(async () => {
    await server.stop()
    await stage.end()
  })
  afterAll(() => browser.close())

  it.each([
    ['uploads a recording', '#demo-file', ['file process', 'send webhook if needed']],
    [
      'plays a conversation live',
      '#demo-live',
      ['diarization', 'final summaries', 'post to zulip'],
    ],
  ])('%s, and shows how it becomes a transcript', async (_, button, steps) => {
    stage = await setStage({ mode: 'concurrent', seed: 31 })
    const shop = await broker.scope(async (resolve) => (await resolve({ workshop })).workshop)
    server = await startServer(shop, 0)
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } })
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
    await page.goto(server.url)
    await page.click(button)
    await page.waitForSelector('#status.ended', { timeout: 45_000 })
    for (const step of steps)
      await page.waitForSelector(`.graph .node.succeeded:has-text("${step}")`, { timeout: 15_000 })
    expect(await page.locator('.graph .node.failed').count()).toBe(0)
    expect(await page.textContent('#title')).toMatch(/^Planning the/)
    expect(await page.locator('.waveform rect').count()).toBeGreaterThanOrEqual(250)
    const turns = await page.locator('.turn').allTextContents()
    expect(turns[0]).toMatch(/^Speaker 1 Good morning\./)
    expect(turns[1]).toMatch(/^Speaker 2 I looked at the pipeline/)
    expect(await page.textContent('.summary')).toContain('Quick recap')
    expect(await page.locator('.log li').count()).toBeGreaterThan(4)
    await mkdir(`${here}dist`, { recursive: true })
    await page.screenshot({ path: `${here}dist/page-${button.slice(1)}.png` })
    await page.close()
    expect(faults).toEqual([])
  })
})
