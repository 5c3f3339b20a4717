import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type Page } from 'playwright-core'
import { build } from 'vite'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type RunningServer } from '../src/api/server.ts'
import { broker } from '../src/broker.ts'
import { workshop } from '../src/tasks/dependencies.ts'
import { setStage, type Stage } from './stage.ts'

const here = fileURLToPath(new URL('../', import.meta.url))
const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
// One that is named and is not there is a fault; see docs/decisions/0017.
const program = process.env['CHROMIUM'] ?? places.find((file) => existsSync(file))
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

  /** The page, open; and what goes wrong in it. */
  async function open(): Promise<{ page: Page; faults: string[] }> {
    stage = await setStage({ mode: 'concurrent', seed: 31 })
    const shop = await broker.scope(async (resolve) => (await resolve({ workshop })).workshop)
    server = await startServer(shop, 0)
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } })
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
    await page.goto(server.url)
    return { page, faults }
  }

  async function picture(page: Page, name: string): Promise<void> {
    await mkdir(`${here}dist`, { recursive: true })
    await page.screenshot({ path: `${here}dist/page-${name}.png` })
  }

  const node = (status: string, step: string): string =>
    `.graph .node.${status}:has-text("${step}")`

  it.each([
    [
      'uploads a recording',
      '#demo-file',
      'file process',
      ['file process', 'send webhook if needed'],
    ],
    [
      'plays a conversation live',
      '#demo-live',
      'diarization',
      ['diarization', 'final summaries', 'post to zulip'],
    ],
  ])('%s, and shows how it becomes a transcript', async (_, button, slow, steps) => {
    const { page, faults } = await open()
    stage.world.faults.plan({ service: 'diarizer', does: { delay: 1500 } })
    await page.click(button)
    await page.waitForSelector(node('running', slow), { timeout: 30_000 })
    await picture(page, `${button.slice(1)}-running`)
    expect(await page.locator('.graph').textContent()).not.toContain('mark failed')
    await page.waitForSelector('#status.ended', { timeout: 45_000 })
    for (const step of steps)
      await page.waitForSelector(node('succeeded', step), { timeout: 15_000 })
    expect(await page.locator('.graph .node.failed').count()).toBe(0)
    expect(await page.textContent('#title')).toMatch(/^Planning the/)
    expect(await page.locator('.waveform rect').count()).toBeGreaterThanOrEqual(250)
    const turns = await page.locator('.turn').allTextContents()
    expect(turns[0]).toMatch(/^Speaker 1 Good morning\./)
    expect(turns[1]).toMatch(/^Speaker 2 I looked at the pipeline/)
    expect(await page.textContent('.summary')).toContain('Quick recap')
    expect(await page.textContent('.log')).toContain('the transcript is ended')
    await picture(page, button.slice(1))
    await page.close()
    expect(faults).toEqual([])
  })

  it('shows the step that failed, and goes on from there', async () => {
    const { page, faults } = await open()
    const does = { status: 402 }
    stage.world.faults.plan({ service: 'llm', body: 'quick recap', times: 'always', does })
    await page.click('#demo-live')
    await page.waitForSelector('#status.error', { timeout: 45_000 })
    await page.waitForSelector(node('failed', 'final summaries'), { timeout: 15_000 })
    await page.waitForSelector(node('skipped', 'post to zulip'))
    await picture(page, 'failed')
    const heard = stage.world.journal.of('diarizer').length
    stage.world.faults.clear()
    await page.click('#resume')
    await page.waitForSelector('#status.ended', { timeout: 15_000 })
    await page.waitForSelector(node('succeeded', 'post to zulip'), { timeout: 15_000 })
    expect(stage.world.journal.of('diarizer')).toHaveLength(heard)
    await page.close()
    expect(faults).toEqual([])
  })
})
