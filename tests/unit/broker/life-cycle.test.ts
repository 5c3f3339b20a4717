import { expect, it } from 'vitest'
import { createBroker } from '../../../src/broker/create-broker.ts'
import type { Middleware } from '../../../src/core/middleware.ts'
import { dependency } from '../../../src/dependencies/dependency.ts'
import { altered, deferred, recording, thrownBy } from './stage.ts'

function stage() {
  const seen: string[] = []
  const faults = new Set<string>()
  const step = async (name: string): Promise<void> => {
    seen.push(name)
    if (faults.has(name)) throw new Error(name)
  }
  const middleware = (name: string): Middleware => ({
    start: () => step(`start ${name}`),
    stop: () => step(`stop ${name}`),
  })
  const gate = deferred()
  gate.resolve()
  const stageOf = { gate: gate.promise }
  const { logger, lines } = recording()
  const transport = altered((inner) => ({
    async start() {
      await step('open')
      await stageOf.gate
      await inner.start()
    },
    async stop() {
      await step('close')
      await inner.stop()
    },
  }))
  const broker = createBroker({
    transport,
    logger,
    middlewares: [middleware('a'), {}, middleware('b')],
  })
  return { broker, seen, faults, lines, stageOf }
}

it('starts the store, then middlewares in order; stops in reverse', async () => {
  const { broker, seen } = stage()
  const pool = dependency(
    async function* () {
      yield 1
      seen.push('close pool')
    },
    { scope: 'process' },
  )
  await Promise.all([broker.start(), broker.start()])
  await broker.scope(async (resolve) => resolve({ pool }))
  await Promise.all([broker.stop(), broker.stop()])
  const order = ['open', 'start a', 'start b', 'stop b', 'stop a', 'close pool', 'close']
  expect(seen).toEqual(order)
})

it('may be started again after a start that failed, and starts nothing twice', async () => {
  const { broker, seen, faults } = stage()
  faults.add('start b')
  await expect(broker.start()).rejects.toThrow('start b')
  faults.clear()
  await broker.start()
  expect(seen).toEqual(['open', 'start a', 'start b', 'open', 'start b'])
  await broker.stop()
  expect(seen.slice(5)).toEqual(['stop b', 'stop a', 'close'])
})

it('stops every part whatever the others do, and says what failed', async () => {
  const { broker, seen, faults, lines } = stage()
  await broker.start()
  for (const fault of ['stop a', 'stop b', 'close']) faults.add(fault)
  await broker.stop()
  expect(seen.slice(3)).toEqual(['stop b', 'stop a', 'close'])
  expect(lines.map(({ fields }) => (fields['error'] as Error).message)).toEqual([
    'stop b',
    'stop a',
    'close',
  ])
})

it('waits for a start that is under way before it stops', async () => {
  const { broker, seen, stageOf } = stage()
  const gate = deferred()
  stageOf.gate = gate.promise
  const starting = broker.start()
  const stopping = broker.stop()
  expect(await thrownBy(broker.start())).toMatchObject({ code: 'NOT_STARTED' })
  gate.resolve()
  await Promise.all([starting, stopping])
  expect(seen).toEqual(['open', 'start a', 'start b', 'stop b', 'stop a', 'close'])
})

it('stops what never started, and a store that could not be opened', async () => {
  const { broker, seen } = stage()
  await broker.stop()
  expect(seen).toEqual(['close'])
  const failing = stage()
  failing.faults.add('open')
  const starting = thrownBy(failing.broker.start())
  await failing.broker.stop()
  await starting
  expect(failing.seen).toEqual(['open', 'close'])
})

it('waits for what is being sent', async () => {
  const gate = deferred()
  const seen: string[] = []
  const broker = createBroker({
    transport: altered((inner) => ({
      async send(envelopes) {
        await gate.promise
        seen.push('sent')
        return inner.send(envelopes)
      },
      stop: async () => void seen.push('closed'),
    })),
  })
  const task = broker.task('t', async () => {})
  await broker.start()
  const sent = task.kiq()
  for (let i = 0; i < 20; i++) await Promise.resolve()
  const stopping = broker.stop()
  gate.resolve()
  await Promise.all([sent, stopping])
  expect(seen).toEqual(['sent', 'closed'])
})
