/** The status machine: what may follow what, and who is told. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventsAfter } from '../src/data/events.ts'
import { transitions, type TranscriptStatus } from '../src/data/status.ts'
import { getTranscript, setStatus } from '../src/data/transcripts.ts'
import { setStage, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage({ mode: 'inline' })
})
afterAll(() => stage.end())

const all = Object.keys(transitions) as TranscriptStatus[]

describe.each(all)('after %s', (from) => {
  it.each(all)('%s', async (to) => {
    const { id } = await stage.transcript({ status: from })
    const may = from !== to && transitions[from].includes(to)
    expect(await setStatus(stage.db, id, to)).toBe(may)
    expect((await getTranscript(stage.db, id)).status).toBe(may ? to : from)
    const told = (await eventsAfter(stage.db, id, 0)).map(({ data }) => data)
    expect(told).toEqual(may ? [{ value: to }] : [])
  })
})

it('a failure that comes late does not undo the end', () => {
  expect(transitions.ended).toEqual(['processing'])
})

it('only what was recorded or is being processed can end', () => {
  expect(all.filter((from) => transitions[from].includes('ended'))).toEqual(['processing', 'error'])
})
