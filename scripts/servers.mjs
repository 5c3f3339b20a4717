/**
 * The servers that suites, faults and benchmarks run on: one that the environment names, one that runs on this
 * machine, or one that is started for this run and ends with it. Plain Node without dependencies.
 *
 *     node scripts/servers.mjs npx vitest run tests/conformance
 */
import { spawn, spawnSync } from 'node:child_process'
import { accessSync, chownSync, constants, mkdtempSync, readdirSync, realpathSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** What there is to know of each. `hello` and `answer`: how to tell that it is one, and that it is ready. */
export const servers = {
  redis: {
    name: 'Redis',
    variable: 'REDIS_URL',
    port: 6379,
    hello: 'PING\r\n',
    answer: /^\+PONG/,
    url: (port) => `redis://127.0.0.1:${port}`,
    program: 'redis-server',
    package: 'redis-server',
    command: ({ port, folder, program }) => [
      program,
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder],
      ...['--save', '', '--appendonly', 'no', '--loglevel', 'warning'],
    ],
    suites: 'everything on Redis (tests/conformance/redis*, tests/integration/redis, its faults)',
  },
  postgres: {
    name: 'PostgreSQL',
    variable: 'POSTGRES_URL',
    port: 5432,
    hello: startupMessage(),
    // It asks for a password or takes us in; or refuses, and not because it is still starting.
    answer: /^(?:R|E(?![\s\S]*57P03))/,
    url: (port) => `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    program: 'postgres',
    // Debian does not put it on PATH.
    places: () => folders('/usr/lib/postgresql').map((version) => `${version}/bin`),
    package: 'postgresql',
    command: postgresCommand,
    suites:
      'the data of the reference application on PostgreSQL (examples/reflector/tests/postgres.test.ts)',
  },
}

/** What a client of PostgreSQL says first: the version of the protocol, a user and a database. */
function startupMessage() {
  const words = Buffer.from('user\0postgres\0database\0postgres\0\0')
  const head = Buffer.alloc(8)
  head.writeInt32BE(words.length + 8, 0)
  head.writeInt32BE(196_608, 4)
  return Buffer.concat([head, words])
}

/** Makes a cluster and serves it. PostgreSQL refuses to run as root: then as the user that its package made. */
function postgresCommand({ port, folder, program, isRoot }) {
  const data = join(folder, 'data')
  // Its other programs lie beside it, wherever a link on PATH leads.
  const initdb = [
    join(dirname(realpathSync(program)), 'initdb'),
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'trust',
  ]
  const serve = [program, '-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder]
  const script = `${quoted([...initdb, '-E', 'UTF8', '--locale=C', '--no-sync'])} >/dev/null && exec ${quoted([...serve, '-c', 'fsync=off'])}`
  if (!isRoot) return ['sh', '-c', script]
  const [user, group] = ['-u', '-g'].map((flag) =>
    Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout),
  )
  chownSync(folder, user, group)
  const become = ['setpriv', `--reuid=${user}`, `--regid=${group}`, '--clear-groups']
  return [...become, 'sh', '-c', script]
}

const quoted = (words) => words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')

/** The folders in a folder, newest version first; none where it is not there. */
function folders(place) {
  try {
    return readdirSync(place)
      .sort((a, b) => Number(b) - Number(a))
      .map((name) => join(place, name))
  } catch {
    return []
  }
}

/** Milliseconds: until a server has to answer, and until a new one has to be ready. */
const patience = { answer: 1000, start: 60_000 }

/**
 * Finds or starts one: `{ environment, close }`, or `{ missing }` with what is not run and why. `close` may be
 * called twice; a process that dies without it takes the server with it.
 */
export async function openServer(server, options = {}) {
  const {
    environment = process.env,
    say = console.log,
    isRoot = process.getuid?.() === 0,
  } = options
  const { name, variable, port, url } = server
  // Faults are made on servers of their own: the program is wanted even where one is running.
  const there = findProgram(server, environment)
  const lacks = there === undefined ? lackOf(server, isRoot, say) : undefined
  if (environment[variable]) return found({})
  // One that an installation has just started has passwords that nobody here knows.
  const installed = there === undefined && lacks === undefined
  if (!installed && (await answers(server, port))) return found({ [variable]: url(port) })
  const program = there ?? findProgram(server, environment)
  if (lacks === undefined && program !== undefined)
    return startOwn(server, { program, isRoot, say })
  return {
    missing:
      `${name}: ${variable} is not set, nothing answers on port ${port}, and ${lacks ?? `there is no ${server.program}`}. ` +
      `Not run: ${server.suites}.`,
  }
}

/** All that are wanted, as one: `{ environment, missing, close }`. With CI set, a missing one is a failure. */
export async function openServers(names = Object.keys(servers), options = {}) {
  const opened = await Promise.all(names.map((name) => openServer(servers[name], options)))
  const missing = opened.flatMap((one) => (one.missing === undefined ? [] : [one.missing]))
  for (const text of missing) console.error(text)
  return {
    environment: Object.assign({}, ...opened.map((one) => one.environment)),
    missing,
    failed: missing.length > 0 && process.env.CI !== undefined,
    close: async () => {
      for (const one of opened) await one.close?.()
    },
  }
}

const found = (environment) => ({ environment, close: async () => {} })

/** Where it is: on PATH, or where packages put it. */
export function findProgram({ program, places = () => [] }, { PATH = '' }) {
  for (const folder of [...PATH.split(delimiter), ...places()]) {
    if (folder === '') continue
    try {
      const file = join(folder, program)
      accessSync(file, constants.X_OK)
      return file
    } catch {}
  }
  return undefined
}

/** Installs it; why that was not possible, or nothing. */
export function lackOf({ program, package: name }, isRoot, say) {
  const lacks = `there is no ${program} on PATH`
  if (!isRoot) return `${lacks} (only root can install it)`
  say(`Installing ${name}`)
  const options = { stdio: 'pipe', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  const apt = (...args) => spawnSync('apt-get', args, options)
  const install = () => apt('install', '-y', '--no-install-recommends', name)
  // The list of packages may be older than what the mirrors hold.
  const tried = [install, () => (apt('update'), install())]
  if (tried.some((attempt) => attempt().status === 0)) return undefined
  return `${lacks}, and \`apt-get install ${name}\` failed`
}

async function startOwn(server, { program, isRoot, say }) {
  const folder = mkdtempSync(join(tmpdir(), `taskwright-${server.program}-`))
  const port = await freePort()
  // A shell ends it when its standard input closes: at our end, however we end.
  const watch = '"$@" </dev/null >&2 & cat >/dev/null; kill $!; wait $!; rm -rf "$0"'
  const command = server.command({ port, folder, program, isRoot })
  const stdio = ['pipe', 'ignore', 'pipe']
  const child = spawn('sh', ['-c', watch, folder, ...command], { stdio })
  let output = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (output = (output + text).slice(-4000)))
  const gone = new Promise((resolve) => child.once('exit', resolve))
  const close = async () => {
    child.ref()
    child.stdin.end()
    await gone
  }
  const end = performance.now() + patience.start
  while (!(await answers(server, port))) {
    if (performance.now() < end) continue
    await close()
    return { missing: `${server.name}: ${command.join(' ')} does not answer. ${output}` }
  }
  child.unref()
  child.stdin.unref()
  child.stderr.unref()
  say(`Started ${server.program} on port ${port}, for this run`)
  return { environment: { [server.variable]: server.url(port) }, close }
}

/** Whether such a server answers there. */
function answers({ hello, answer }, port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: patience.answer })
    const end = (yes) => {
      socket.destroy()
      // Whoever asks again and again is not to do it in a busy loop.
      if (yes) resolve(true)
      else setTimeout(resolve, 20, false)
    }
    socket.once('connect', () => socket.write(hello))
    socket.once('data', (data) => end(answer.test(String(data))))
    for (const event of ['error', 'timeout', 'end']) socket.once(event, () => end(false))
  })
}

function freePort() {
  return new Promise((resolve, reject) => {
    const listener = createServer()
    listener.once('error', reject)
    listener.listen(0, '127.0.0.1', () => {
      const { port } = listener.address()
      listener.close(() => resolve(port))
    })
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '/').href) {
  const [command, ...args] = process.argv.slice(2)
  if (command === undefined) throw new Error('usage: node scripts/servers.mjs COMMAND [ARGUMENT…]')
  const { environment, failed, close } = await openServers()
  const options = { stdio: 'inherit', env: { ...process.env, ...environment } }
  const { status } = failed ? { status: 1 } : spawnSync(command, args, options)
  await close()
  process.exitCode = status ?? 1
}
