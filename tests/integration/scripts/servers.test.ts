/** The servers of a run: found, started for it, ended with it; or said to be missing. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { describeOwnRedis } from '../../support/describe-own-redis.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')
const module = JSON.stringify(join(root, 'scripts/servers.mjs'))
/** Port 1 stands for a machine on which none runs. */
const nowhere = `import { openServer, servers } from ${module}
const lone = { ...servers.redis, port: 1 }`
const run = (source: string): string =>
  execFileSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' })

describe('the servers of a run', () => {
  it('are those that the environment names', () => {
    const said = run(`${nowhere}
      const options = { environment: { REDIS_URL: 'redis://elsewhere', PATH: process.env.PATH } }
      console.log(JSON.stringify(await openServer(lone, options)))`)
    expect(JSON.parse(said)).toEqual({ environment: {} })
  })

  it('are said to be missing, with what is not run, where none can be had', () => {
    const said = run(`${nowhere}
      const { missing } = await openServer({ ...lone, program: 'no-such-program' }, {
        environment: { PATH: process.env.PATH },
        isRoot: false,
      })
      console.log(missing)`)
    expect(said).toMatch(/^Redis: REDIS_URL is not set, nothing answers on port 1, and there is no/)
    expect(said).toContain('Not run: everything on Redis')
  })
})

describeOwnRedis('a server for one run', () => {
  it('is started where none runs, and ends when it is told to', () => {
    const said = run(`${nowhere}
      const { environment, close } = await openServer(lone, {
        environment: { PATH: process.env.PATH },
        say: () => {},
      })
      const { connect } = await import('node:net')
      const port = Number(new URL(environment.REDIS_URL).port)
      const ask = () => new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1', () => socket.write('PING\\r\\n'))
        socket.once('data', (data) => { socket.destroy(); resolve(String(data).trim()) })
        socket.once('error', ({ code }) => resolve(code))
      })
      const before = await ask()
      await close()
      await close()
      console.log(before, await ask())`)
    expect(said.trim()).toBe('+PONG ECONNREFUSED')
  })

  it('ends with a run that was killed', async () => {
    const source = `${nowhere}
      const { environment } = await openServer(lone, {
        environment: { PATH: process.env.PATH },
        say: () => {},
      })
      console.log(environment.REDIS_URL)`
    const child = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      `${source}
      setInterval(() => {}, 1000)`,
    ])
    const [url] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
    const client = new Redis(url.trim(), { lazyConnect: true, retryStrategy: () => null })
    client.on('error', () => {})
    await client.connect()
    const closed = once(client, 'end')
    child.kill('SIGKILL')
    await closed
    expect(client.status).toBe('end')
  })
})

const hasPostgres = /true/.test(
  run(`import { servers } from ${module}
    console.log(servers.postgres.places().length > 0)`),
)
if (!hasPostgres && process.env['CI'] !== undefined)
  throw new Error('these tests start a PostgreSQL: install it')

describe.skipIf(!hasPostgres)('a PostgreSQL for one run', () => {
  it('is made, started where none runs, and ends when it is told to', () => {
    const said = run(`import { openServer, servers } from ${module}
      const { environment, close } = await openServer({ ...servers.postgres, port: 1 }, {
        environment: { PATH: process.env.PATH },
        say: () => {},
      })
      const url = environment.POSTGRES_URL
      const { default: pg } = await import(${JSON.stringify(join(root, 'examples/reflector/node_modules/pg/lib/index.js'))})
      const client = new pg.Client(url)
      await client.connect()
      const { rows } = await client.query('select 1 + 1 as two')
      await client.end()
      await close()
      const late = await new pg.Client(url).connect().catch(({ code }) => code)
      console.log(rows[0].two, late)`)
    expect(said.trim()).toBe('2 ECONNREFUSED')
  }, 90_000)
})
