import { afterEach, expect, it } from 'vitest'
import { processMeetings } from '../src/tasks/meetings.ts'
import { setStage, type Stage } from './stage.ts'

let stage: Stage
afterEach(() => stage.end())

const past = { endedAt: '2026-01-01T00:00:00Z' }
const still = { endedAt: null }
const hour = 3_600_000

it.each([
  ['somebody is in the room', [past, still], -hour, 1],
  ['everybody has left', [past], hour, 0],
  ['nobody has come and it is not over', [], hour, 1],
  ['nobody has come and it is over', [], -1, 0],
])('when %s', async (_, sessions, endsIn, active) => {
  stage = await setStage({ mode: 'inline' })
  const end = new Date(stage.now().getTime() + endsIn).toISOString()
  const meeting = await stage.meeting(await stage.room(), { end_date: end })
  stage.world.whereby.sessions.set(meeting.room_name, sessions)
  await (await processMeetings.kiq()).result()
  expect(await isActive(meeting.id)).toBe(active)
})

it('a platform that fails for one meeting does not keep the others', async () => {
  stage = await setStage({ mode: 'inline' })
  const room = await stage.room()
  const [bad, good] = [await stage.meeting(room), await stage.meeting(room)]
  stage.world.whereby.sessions.set(bad.room_name, [past])
  stage.world.whereby.sessions.set(good.room_name, [past])
  const path = new URLSearchParams({ roomName: bad.room_name }).toString()
  stage.world.faults.plan({ service: 'whereby', path, does: { status: 500 } })
  expect(await (await processMeetings.kiq()).result()).toBe(1)
  expect(await isActive(bad.id)).toBe(1)
  expect(await isActive(good.id)).toBe(0)
})

it('two workers at the same time look at each meeting once', async () => {
  stage = await setStage({ mode: 'concurrent', seed: 7 })
  const room = await stage.room()
  for (let count = 0; count < 3; count++) {
    const { room_name } = await stage.meeting(room)
    stage.world.whereby.sessions.set(room_name, [past])
  }
  stage.world.faults.plan({ service: 'whereby', times: 'always', does: { delay: 40 } })
  const handles = await processMeetings.kiqMany([[], []])
  await stage.app.idle()
  const ended = await Promise.all(handles.map((handle) => handle.result()))
  expect(ended.reduce((sum, count) => sum + count, 0)).toBe(3)
  expect(stage.world.journal.of('whereby', '/insights')).toHaveLength(3)
})

it('who has lost the lock while he asked changes nothing', async () => {
  stage = await setStage({ mode: 'inline' })
  const meeting = await stage.meeting(await stage.room())
  stage.world.whereby.sessions.set(meeting.room_name, [past])
  stage.world.faults.plan({ service: 'whereby', does: { delay: 150 } })
  const sending = processMeetings.kiq()
  await expect.poll(() => stage.world.journal.of('whereby').length).toBe(1)
  await stage.db.updateTable('app_lock').set({ owner: 'another' }).execute()
  await (await sending).result()
  expect(await isActive(meeting.id)).toBe(1)
  const { owner } = await stage.db.selectFrom('app_lock').select('owner').executeTakeFirstOrThrow()
  expect(owner).toBe('another')
})

async function isActive(id: string): Promise<number> {
  const query = stage.db.selectFrom('meeting').select('is_active').where('id', '=', id)
  return (await query.executeTakeFirstOrThrow()).is_active
}
