/** A way to a server that takes its time: a TCP proxy in this process, which does nothing else meanwhile. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A place that is farther away. */
export interface FarPlace {
  readonly place: string
  close(): Promise<void>
}

/**
 * Opens a way to a place on which an answer comes `ms` later than it would. Nothing is lost or reordered, and
 * what is under way together stays so: it is the time of a network, not its bandwidth.
 */
export async function farPlace(place: string, ms: number): Promise<FarPlace> {
  const there = new URL(place)
  const open = new Set<Socket>()
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: there.hostname, port: Number(there.port), noDelay: true })
    for (const socket of [near, far]) {
      open.add(socket)
      socket.on('close', () => open.delete(socket))
      socket.on('error', () => socket.destroy())
    }
    near.pipe(far)
    // All of it on one way: a timer cannot wait for less than a millisecond.
    far.on('data', (piece: Buffer) => void setTimeout(() => near.write(piece), ms))
    far.on('close', () => void setTimeout(() => near.destroy(), ms))
    near.on('close', () => far.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const here = new URL(place)
  here.hostname = '127.0.0.1'
  here.port = String(port)
  return {
    place: here.href,
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
