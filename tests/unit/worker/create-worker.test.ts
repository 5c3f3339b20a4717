import { describe, expect, it } from 'vitest'
import { createBroker } from '../../../src/broker/create-broker.ts'
import { createWorker } from '../../../src/worker/create-worker.ts'
import type { Broker } from '../../../src/broker/broker.ts'
import type { WorkerOptions } from '../../../src/worker/worker-options.ts'

function newBroker(): Broker {
  return createBroker({ transport: 'memory:', queue: 'main' })
}

describe('createWorker', () => {
  it('serves the queues of the tasks, or those that are named, each once', () => {
    const broker = newBroker()
    expect(createWorker(broker).queues).toEqual(['main'])
    broker.task({ name: 'a', queue: 'x' }, async () => {})
    broker.task('b', async () => {})
    broker.task('c', async () => {})
    expect(createWorker(broker).queues).toEqual(['x', 'main'])
    expect(createWorker(broker, { queues: ['y', 'y', 'z'] }).queues).toEqual(['y', 'z'])
    expect(createWorker(broker).name).toMatch(/^.+:\d+:[0-9a-f]{6}$/)
    expect(createWorker(broker, { name: 'w' }).name).toBe('w')
    const all: WorkerOptions = {
      concurrency: 2,
      prefetch: 0,
      ack: 'early',
      lease: '1m',
      redeliveries: 0,
      unknownTask: 'give-back',
      stallLimit: '1m',
      grace: 0,
      shutdownTimeout: 0,
      maxTasks: 5,
    }
    expect(createWorker(broker, all).counts).toEqual({
      running: 0,
      settling: 0,
      prefetched: 0,
      settled: 0,
      stuck: 0,
      foreignFires: 0,
    })
  })

  it.each<[unknown, RegExp]>([
    [{ threads: 2 }, /no option 'threads'\. Known: concurrency/],
    [{ concurrency: 0 }, /concurrency is a whole number of 1 or more, not 0/],
    [{ concurrency: '5' }, /concurrency is a whole number/],
    [{ prefetch: -1 }, /prefetch is a whole number of 0/],
    [{ redeliveries: 1.5 }, /redeliveries is a whole number/],
    [{ maxTasks: 0 }, /maxTasks is a whole number of 1/],
    [{ queues: [] }, /at least one queue/],
    [{ queues: {} }, /at least one queue/],
    [{ queues: { 'a b': 1 } }, /not a name for a queue/],
    [{ queues: { main: 0 } }, /weight of queue 'main' is a whole number from 1 to 1000, not 0/],
    [{ queues: { main: 1.5 } }, /weight of queue 'main'/],
    [{ queues: { main: 2 }, strict: true }, /strict goes by the order of `queues`/],
    [{ strict: true }, /strict goes by the order of `queues`/],
    [{ queues: ['main'], strict: 'yes' }, /strict is true or false/],
    [{ queues: ['a b'] }, /not a name for a queue/],
    [{ lease: 99 }, /a lease is 100 ms or more/],
    [{ lease: 'x' }, /not a duration/],
    [{ stallLimit: 'x' }, /not a duration/],
    [{ grace: -1 }, /not a duration/],
    [{ shutdownTimeout: 'x' }, /not a duration/],
    [{ ack: 'never' }, /ack is 'early' or 'late'/],
    [{ unknownTask: 'drop' }, /unknownTask is 'set-aside'/],
    [{ unknownTask: {} }, /unknownTask is 'set-aside'/],
    [{ unknownTask: { forward: 'a b' } }, /not a name for a queue/],
    [{ unknownTask: { forward: 'main' } }, /forwards to 'main', a queue of this very worker/],
  ])('refuses %j', (options, text) => {
    expect(() => createWorker(newBroker(), options as WorkerOptions)).toThrow(text)
  })

  it('refuses what is no broker', () => {
    expect(() => createWorker({} as Broker)).toThrow(/not a Taskwright broker/)
  })
})
