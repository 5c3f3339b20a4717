/** Redis behind TLS, with a certificate of one's own authority, a user and a password. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createBroker, createWorker, silentLogger, StoreError } from '../../../src/index.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { describeOwnRedis, ownServers } from '../../support/describe-own-redis.ts'
import type { OwnRedis } from '../../support/own-redis.ts'

describeOwnRedis('a Redis behind TLS', () => {
  const server = ownServers()
  const folder = mkdtempSync(join(tmpdir(), 'taskwright-tls-'))
  const file = (name: string): string => join(folder, name)
  let redis: OwnRedis
  let port: number

  beforeAll(async () => {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', file('key.pem')]
    const args = ['req', '-x509', '-days', '2', ...key, '-out', file('cert.pem'), ...subject]
    execFileSync('openssl', args, { stdio: 'ignore' })
    port = await freePort()
    redis = await server([
      ...['--tls-port', String(port), '--tls-auth-clients', 'no'],
      ...['--tls-cert-file', file('cert.pem'), '--tls-key-file', file('key.pem')],
      ...['--tls-ca-cert-file', file('cert.pem')],
    ])
    redis.cli('ACL', 'SETUSER', 'worker', 'on', '>secret', '~*', '&*', '+@all')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('runs work for who trusts its authority; leases are renewed over TLS, too', async () => {
    const transport = redisTransport({
      options: {
        ...{ host: 'localhost', port, username: 'worker', password: 'secret' },
        tls: { ca: readFileSync(file('cert.pem')) },
      },
    })
    const broker = createBroker({ transport, logger: silentLogger })
    let renewed = 0
    const long = broker.task('long', async () => {
      // It is renewed while it runs: by the thread, whose connection is one of this user.
      while (renewed < 2) {
        const leases = redis.cli('CLIENT', 'LIST').split('\n').filter(isLeases)
        if (leases.some((line) => /user=worker/.test(line) && /cmd=eval/.test(line))) renewed++
        await new Promise((resolve) => setImmediate(resolve))
      }
      return 'done'
    })
    const worker = createWorker(broker, { lease: 300 })
    await worker.start()
    expect(await (await long.kiq()).result({ timeout: '20s' })).toBe('done')
    await worker.stop()
    await broker.stop()
  })

  it('is refused by who does not, and says why', async () => {
    const transport = redisTransport({ url: `rediss://worker:secret@localhost:${port}` })
    const broker = createBroker({ transport, logger: silentLogger })
    const error = await broker.start().catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(StoreError)
    expect(String((error as Error).message)).toMatch(/certificate/)
    await broker.stop()
  })
})

function isLeases(line: string): boolean {
  return /name=\S+:leases/.test(line)
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
