import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FaultProxy } from '../../faults/fault-proxy.ts'

/** A server that answers what it hears with its capitals. */
const server = createServer((socket) => {
  socket.on('data', (data) => socket.write(data.toString().toUpperCase()))
  socket.on('error', () => {})
})
let proxy: FaultProxy
const clients: Client[] = []

beforeEach(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  proxy = await FaultProxy.open({ port: (server.address() as AddressInfo).port, seed: 1 })
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy()
  await proxy.close()
  await new Promise((resolve) => server.close(resolve))
})

/** A client that collects what it hears. */
class Client {
  readonly socket: Socket = connect({ port: proxy.port, host: '127.0.0.1' })
  readonly pieces: string[] = []
  error: string | undefined
  closed = false

  constructor() {
    clients.push(this)
    this.socket.setEncoding('utf8').on('data', (text: string) => this.pieces.push(text))
    this.socket.on('error', (error: NodeJS.ErrnoException) => (this.error = error.code))
    this.socket.on('close', () => (this.closed = true))
  }

  get heard(): string {
    return this.pieces.join('')
  }

  say(text: string): void {
    this.socket.write(text)
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await Promise.race([
        once(this.socket, 'data').catch(() => {}),
        once(this.socket, 'close').catch(() => {}),
      ])
    }
  }

  hears(text: string): Promise<void> {
    return this.until(() => this.heard === text)
  }

  ends(): Promise<void> {
    return this.until(() => this.closed)
  }
}

const moment = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('a fault proxy', () => {
  it('hands on what is said, both ways', async () => {
    const client = new Client()
    client.say('hello')
    await client.hears('HELLO')
    expect(proxy.connections).toBe(1)
  })

  it('hands on an orderly end', async () => {
    const client = new Client()
    client.say('bye')
    await client.hears('BYE')
    client.socket.end()
    await client.ends()
    expect(client.error).toBeUndefined()
  })

  it('delays both directions, by chance within the jitter, and keeps the order', async () => {
    proxy.set({ latency: 20, jitter: 10 })
    const client = new Client()
    await once(client.socket, 'connect')
    const begun = performance.now()
    for (const letter of 'abcdefgh') client.say(letter)
    await client.hears('ABCDEFGH')
    expect(performance.now() - begun).toBeGreaterThanOrEqual(40)
  })

  it('chops what is said into pieces', async () => {
    proxy.set({ chop: 1 })
    const client = new Client()
    const text = '0123456789'.repeat(10)
    client.say(text)
    await client.hears(text)
    // A reader who was busy gets several at once, but not all of what takes a tenth of a second.
    expect(client.pieces.length).toBeGreaterThanOrEqual(5)
  })

  it('is half-open: connects, is silent, and goes on when it is healed', async () => {
    proxy.set({ stalled: ['up', 'down'] })
    const client = new Client()
    client.say('anybody')
    await once(client.socket, 'connect')
    await moment(30)
    expect([client.heard, client.closed]).toEqual(['', false])
    proxy.heal()
    await client.hears('ANYBODY')
  })

  it('abandons what is there, and lets new connections through', async () => {
    const old = new Client()
    old.say('a')
    await old.hears('A')
    proxy.abandon()
    old.say('b')
    const next = new Client()
    next.say('c')
    await next.hears('C')
    await moment(30)
    expect([old.heard, old.closed]).toEqual(['A', false])
  })

  it('stalls one direction: the call arrives, its reply does not', async () => {
    const client = new Client()
    client.say('a')
    await client.hears('A')
    proxy.set({ stalled: ['down'] })
    const arrived = new Promise<string>((resolve) =>
      server.once('connection', (socket) => socket.once('data', (data) => resolve(String(data)))),
    )
    const second = new Client()
    second.say('second')
    expect(await arrived).toBe('second')
    client.say('b')
    await moment(30)
    expect([client.heard, second.heard]).toEqual(['A', ''])
    proxy.heal()
    await Promise.all([client.hears('AB'), second.hears('SECOND')])
  })

  it('resets all connections, or one of them', async () => {
    const both = [new Client(), new Client()]
    for (const client of both) client.say('x')
    await Promise.all(both.map((client) => client.hears('X')))
    proxy.reset('one')
    await Promise.race(both.map((client) => client.ends()))
    expect(both.filter(({ closed }) => closed)).toHaveLength(1)
    proxy.reset()
    await Promise.all(both.map((client) => client.ends()))
    expect(both.map(({ error }) => error)).toEqual(['ECONNRESET', 'ECONNRESET'])
  })

  it('refuses new connections and keeps the old ones', async () => {
    const old = new Client()
    old.say('a')
    await old.hears('A')
    proxy.set({ refuses: true })
    await new Client().ends()
    old.say('b')
    await old.hears('AB')
  })

  it.each([0, 1, 4, 9])('closes a connection after %i bytes of a reply', async (bytes) => {
    const client = new Client()
    client.say('ready?')
    await client.hears('READY?')
    proxy.cutReplyAfter(bytes)
    client.say('0123456789')
    await client.ends()
    expect(client.heard).toBe(`READY?${'0123456789'.slice(0, bytes)}`)
  })

  it('closes within the first reply of a connection that does not exist yet', async () => {
    proxy.cutReplyAfter(2)
    const client = new Client()
    client.say('abcdef')
    await client.ends()
    expect(client.heard).toBe('AB')
    const next = new Client()
    next.say('again')
    await next.hears('AGAIN')
  })

  it('closes with connections open, stalled ones too', async () => {
    const client = new Client()
    client.say('x')
    await client.hears('X')
    proxy.set({ stalled: ['up', 'down'] })
    client.say('y')
    await proxy.close()
    await client.ends()
    expect(proxy.connections).toBe(0)
    proxy = await FaultProxy.open({ port: (server.address() as AddressInfo).port })
  })
})
