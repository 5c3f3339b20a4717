import { describe, expect, it } from 'vitest'
import { Sender, type Outgoing, type WhenFull } from '../../../src/broker/sender.ts'
import { taskiqJson } from '../../../src/codecs/taskiq-json.ts'
import {
  InvalidInputError,
  QueueFullError,
  SendFailedError,
  StoreError,
} from '../../../src/core/errors.ts'
import type { Envelope } from '../../../src/core/message.ts'
import type { Middleware } from '../../../src/core/middleware.ts'
import { seededRandom } from '../../../src/core/random.ts'
import type { SendStatus, Transport } from '../../../src/core/transport.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { deferred, recording, thrownBy } from './stage.ts'

type Send = (envelopes: readonly Envelope[]) => Promise<readonly SendStatus[]>

function stage(options: { send?: Send; middlewares?: Middleware[]; whenFull?: WhenFull } = {}) {
  const clock = new ManualClock()
  const { logger, lines } = recording()
  const batches: (readonly Envelope[])[] = []
  const transport = {
    name: 'stub',
    capabilities: { shared: true },
    send: (envelopes: readonly Envelope[]) => {
      batches.push([...envelopes])
      return options.send?.(envelopes) ?? Promise.resolve(envelopes.map(() => 'stored' as const))
    },
  } as unknown as Transport
  const sender = new Sender({
    transport,
    codec: taskiqJson(),
    middlewares: options.middlewares ?? [],
    surroundings: { clock, random: seededRandom(1), logger },
    whenFull: () => options.whenFull ?? 'refuse',
  })
  return { sender, batches, clock, lines, ids: () => batches.map((one) => one.map(({ id }) => id)) }
}

const message = (id: string, labels = {}) => ({ id, task: 't', args: [id], kwargs: {}, labels })
const out = (id: string, queue = 'q'): Outgoing => ({
  message: message(id),
  route: { queue, priority: 4 },
})

describe('sends of one turn', () => {
  it('are one write, and wait for what is on its way', async () => {
    const { sender, ids } = stage()
    expect(await Promise.all(['a', 'b', 'c'].map((id) => sender.send(out(id))))).toEqual([
      'stored',
      'stored',
      'stored',
    ])
    expect(ids()).toEqual([['a', 'b', 'c']])
    await sender.idle()
  })

  it('are refused one by one when the queue of some is full: nothing is told to be sent that is not', async () => {
    const { sender, ids } = stage({
      send: async (envelopes) => {
        if (envelopes.some(({ queue }) => queue === 'full')) throw new QueueFullError('full', 1)
        return envelopes.map(() => 'stored')
      },
    })
    const sent = await Promise.allSettled([
      sender.send(out('a')),
      sender.send(out('b', 'full')),
      sender.send(out('c', 'full')),
      sender.send(out('d')),
    ])
    expect(sent.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'fulfilled',
    ])
    expect(sent[2]).toMatchObject({ reason: { code: 'QUEUE_FULL', queue: 'full', cap: 1 } })
    // The queue that was full is not asked again for each of its messages.
    expect(ids()).toEqual([['a', 'b', 'c', 'd'], ['a'], ['b'], ['d']])
  })

  it('tell those that were stored so, though the store fails for those after them', async () => {
    const { sender } = stage({
      send: async (envelopes) => {
        if (envelopes.length > 1) throw new InvalidInputError('one of them')
        if (envelopes[0]?.id === 'b') throw new StoreError('away')
        return ['stored']
      },
    })
    const sent = await Promise.allSettled(['a', 'b', 'c'].map((id) => sender.send(out(id))))
    expect(sent).toMatchObject([
      { value: 'stored' },
      { reason: { code: 'STORE' } },
      { value: 'stored' },
    ])
  })

  it('fail together when the store fails', async () => {
    const { sender, ids } = stage({ send: () => Promise.reject(new Error('no wire')) })
    const [first, second] = await Promise.allSettled([sender.send(out('a')), sender.send(out('b'))])
    expect(first).toMatchObject({ reason: { code: 'SEND_FAILED', cause: { message: 'no wire' } } })
    expect(second).toMatchObject({ reason: expect.any(SendFailedError) })
    expect(ids()).toHaveLength(1)
    const odd = stage({ send: () => Promise.reject('text') })
    expect(await thrownBy(odd.sender.send(out('a')))).toMatchObject({
      message: expect.stringMatching(/could not be stored: text/),
    })
  })

  it('wait for room where the queue says so', async () => {
    let full = 5
    const { sender, clock } = stage({
      whenFull: 'wait',
      send: async (envelopes) => {
        if (full-- > 0) throw new QueueFullError('q', 2)
        return envelopes.map(() => 'stored')
      },
    })
    const sent = sender.send(out('a'))
    await clock.advance(60_000)
    expect(await sent).toBe('stored')
    // A page that is larger than the cap would wait for ever.
    full = 100
    expect(await thrownBy(sender.sendMany([out('a'), out('b'), out('c')]))).toBeInstanceOf(
      QueueFullError,
    )
  })
})

describe('sendMany', () => {
  it('writes pages of 1,000', async () => {
    const { sender, batches } = stage()
    const many = Array.from({ length: 2500 }, (_, i) => out(`m${i}`))
    expect(await sender.sendMany(many)).toHaveLength(2500)
    expect(batches.map((batch) => batch.length)).toEqual([1000, 1000, 500])
    expect(await sender.sendMany([])).toEqual([])
  })

  it('writes a page at once when every hook has let its message pass', async () => {
    const slow = deferred()
    const { sender, ids } = stage({
      middlewares: [
        {
          async send(sending, next) {
            if (sending.message.id === 'a') await slow.promise
            return next(sending)
          },
        },
      ],
    })
    const sent = sender.sendMany([out('a'), out('b')])
    slow.resolve()
    expect(await sent).toEqual(['stored', 'stored'])
    expect(ids()).toEqual([['b', 'a']])
  })

  it('writes nothing when a hook refuses one', async () => {
    const { sender, batches } = stage({
      middlewares: [
        {
          async send(sending, next) {
            if (sending.message.id === 'b') throw new Error('not this one')
            return next(sending)
          },
        },
      ],
    })
    const sent = sender.sendMany([out('a'), out('b'), out('c')])
    expect(await thrownBy(sent)).toMatchObject({ message: 'not this one' })
    expect(batches).toEqual([])
  })

  it('fails for every message of the page when the store fails', async () => {
    const { sender } = stage({
      send: () => Promise.reject(new StoreError('away')),
      middlewares: [{ send: (sending, next) => next(sending) }],
    })
    expect(await thrownBy(sender.sendMany([out('a'), out('b')]))).toBeInstanceOf(StoreError)
  })
})

describe('a hook around send', () => {
  it('is an onion: the first is the outermost', async () => {
    const seen: string[] = []
    const layer = (name: string): Middleware => ({
      name,
      async send(sending, next) {
        seen.push(`${name} in`)
        const status = await next(sending)
        seen.push(`${name} out`)
        return status
      },
    })
    const { sender } = stage({ middlewares: [layer('a'), {}, layer('b')] })
    await sender.send(out('m'))
    expect(seen).toEqual(['a in', 'b in', 'b out', 'a out'])
  })

  it('may change labels, queue and priority, and what it passes on is what is stored', async () => {
    const { sender, batches } = stage({
      middlewares: [
        {
          send: ({ message: given, queue }, next) =>
            next({ message: { ...given, labels: { priority: 'critical' } }, queue: `${queue}.eu` }),
        },
      ],
    })
    await sender.send(out('m'))
    expect(batches[0]).toMatchObject([{ id: 'm', queue: 'q.eu', priority: 9 }])
  })

  it('makes kiq reject when it throws before next', async () => {
    const { sender, batches } = stage({
      middlewares: [{ send: () => Promise.reject(new Error('not today')) }],
    })
    expect(await thrownBy(sender.send(out('m')))).toMatchObject({ message: 'not today' })
    expect(batches).toEqual([])
  })

  it('is logged when it throws after next: the message is stored', async () => {
    const { sender, lines } = stage({
      middlewares: [
        {
          async send(sending, next) {
            await next(sending)
            throw new Error('too late')
          },
        },
      ],
    })
    expect(await sender.send(out('m'))).toBe('stored')
    expect(lines).toMatchObject([{ level: 'error', fields: { id: 'm' } }])
  })

  it.each<[string, Middleware, RegExp]>([
    ['without next', { send: async () => 'stored' }, /answered without calling next/],
    [
      'with another id',
      {
        name: 'odd',
        send: ({ message: given, queue }, next) => next({ message: { ...given, id: 'x' }, queue }),
      },
      /'odd' changed the id/,
    ],
  ])('is refused %s', async (_, middleware, text) => {
    const { sender, batches } = stage({ middlewares: [middleware] })
    const error = await thrownBy(sender.send(out('m')))
    expect(error).toBeInstanceOf(SendFailedError)
    expect((error as Error).message).toMatch(text)
    expect(batches).toEqual([])
  })

  it('stores once though it calls next twice', async () => {
    const { sender, batches, lines } = stage({
      middlewares: [
        {
          async send(sending, next) {
            await next(sending)
            return next(sending)
          },
        },
      ],
    })
    expect(await sender.send(out('m'))).toBe('stored')
    expect(batches).toHaveLength(1)
    expect(lines).toMatchObject([{ fields: { error: { message: "middleware '0' called next twice." } } }]) // prettier-ignore
  })

  it('cannot swallow the error of the store', async () => {
    const swallow: Middleware = {
      send: (sending, next) => next(sending).catch(() => 'stored' as const),
    }
    const { sender } = stage({
      middlewares: [swallow],
      send: () => Promise.reject(new StoreError('away')),
    })
    expect(await thrownBy(sender.send(out('m')))).toMatchObject({ message: 'away' })
    const odd = stage({ middlewares: [swallow] })
    const text = odd.sender.sendWithin(out('m'), () => Promise.reject('text'))
    expect(await thrownBy(text)).toMatchObject({ message: 'text' })
  })
})
