import { mkdir } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import type { ProcessOptions } from './processes.ts'

/** How to start a Redis on a port that is free, which keeps what it has in the folder; and its URL then. */
export async function ownRedis(
  folder: string,
): Promise<{ readonly url: string; readonly options: ProcessOptions }> {
  const port = await freePort()
  await mkdir(folder, { recursive: true })
  const options: ProcessOptions = {
    name: 'Redis',
    program: 'redis-server',
    args: [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder],
      ...['--save', '', '--appendonly', 'yes'],
    ],
    env: {},
    readyAt: /Ready to accept connections/,
  }
  return { url: `redis://127.0.0.1:${port}`, options }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
