/** What must compile, with the types that must come out. Checked by TypeScript 7 and 5.9; never run. */
import * as v from 'valibot'
import * as z from 'zod'
import {
  TaskContext,
  createBroker,
  createWorker,
  dependency,
  exponential,
  gather,
  sharedTasks,
  type Dependency,
  type Plain,
  type Sendable,
  type Task,
  type TaskHandle,
} from 'taskwright'

type Eq<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <_T extends true>(): void => {}
/** A fault has no `kiq`. */
const usable = (_task: { kiq: unknown }): void => {}
const broker = createBroker('memory:')

// The guide, line by line.
class Client {
  readonly n: number
  constructor(n: number) {
    this.n = n
  }
  release(): void {}
  query(_q: string): Promise<string[]> {
    return Promise.resolve([])
  }
}
class Pool {
  connect(): Promise<Client> {
    return Promise.resolve(new Client(1))
  }
}
class ClientError extends Error {}
const pool = dependency(() => new Pool(), { scope: 'process' })
export const dbSession = dependency({ pool }, async function* ({ pool }) {
  const session = await pool.connect()
  try {
    yield session
  } finally {
    session.release()
  }
})
is<Eq<typeof dbSession, Dependency<Client>>>()
export const processFile = broker.task(
  { name: 'file.process', deps: { db: dbSession, ctx: TaskContext }, timeout: '20m' },
  async ({ db, ctx }, transcriptId: string) => {
    await db.query(transcriptId)
    ctx.signal.throwIfAborted()
  },
)
export const sendWebhook = broker.task(
  {
    name: 'webhook.send',
    queue: 'webhooks',
    retry: {
      max: 30,
      backoff: exponential('1m', { max: '1h', jitter: true }),
      unless: (error) => error instanceof ClientError,
    },
  },
  async (transcriptId: string, roomId: string, eventId: string) => [transcriptId, roomId, eventId],
)
const summarise = broker.task(
  { name: 'summarise', input: z.object({ transcriptId: z.string() }) },
  async ({ transcriptId }) => ({
    title: transcriptId,
  }),
)
const handle = await summarise.kiq({ transcriptId: 't1' })
await processFile('t1')
await processFile.kiq('t1')
await processFile.kiqMany([['t1'], ['t2']])
await processFile
  .kicker()
  .withLabels({ tenant: 'acme', priority: 'high' })
  .withPriority(9)
  .withDelay('5m')
  .withEta(new Date())
  .withExpiry('1h30m')
  .withTimeout('20s')
  .withTaskId('x')
  .withQueue('q')
  .kiq('t1')
export const value: { title: string } = await handle.result({ timeout: '30s' })
const outcome = await handle.waitResult()
if (!outcome.isErr) outcome.returnValue.title.toUpperCase()
else outcome.error.message.toUpperCase()
await handle.cancel('superseded')
await handle.status()
await handle.progress()

// Inputs by schema: raw on the way in, parsed in the handler.
const zt = broker.task(
  {
    name: 'z',
    input: z.object({ n: z.string().transform(Number), lang: z.string().default('en') }),
  },
  async ({ n, lang }) => ({ sum: n + 1, lang }),
)
is<Eq<Parameters<typeof zt.kiq>, [input: { n: string; lang?: string | undefined }]>>()
const vt = broker.task(
  { name: 'v', input: v.object({ id: v.pipe(v.string(), v.transform(Number)) }) },
  ({ id }) => id,
)
is<Eq<Awaited<ReturnType<typeof vt.kiq>>, TaskHandle<number>>>()
await vt.kiq({ id: '1' })
await zt({ n: '1' })

// Nested dependencies, generators, the context as a dependency of a dependency.
const session = dependency({ pool, ctx: TaskContext }, async function* ({ pool, ctx }) {
  ctx.attempt.toFixed()
  yield await pool.connect()
})
const repo = dependency({ session }, ({ session }) => ({
  find: (id: string) => `${id}${session.n}`,
}))
const sync = dependency(function* () {
  yield 5
})
is<Eq<typeof sync, Dependency<number>>>()
const withDeps = broker.task(
  { name: 'd', deps: { repo, sync } },
  async ({ repo, sync }, id: string, n?: number) => repo.find(id).length + sync + (n ?? 0),
)
is<Eq<ReturnType<typeof withDeps>, Promise<number>>>()
await withDeps.handler({ repo: { find: (id) => id }, sync: 1 }, 'x')
export const many: TaskHandle<number>[] = await withDeps.kiqMany([['a'], ['b', 2]])
/** What a user with isolatedDeclarations writes by hand. */
export const writable: Task<[id: string, n?: number], number> = withDeps

// Gather keeps the tuple.
const load = broker.task('load', async (id: string) => id.length)
const list = broker.task('list', async () => ['a', 'b'])
const results: [number, string[]] = await gather([load.kiq('a'), list.kiq()])
results[0].toFixed()
const all = await gather(await load.kiqMany([['a']]))
const settled = await gather([load.kiq('a'), list.kiq()], { settled: true })
is<Eq<typeof settled, [PromiseSettledResult<number>, PromiseSettledResult<string[]>]>>()
is<Eq<typeof all, number[]>>()

// Remote and shared tasks.
export const remote = broker.remoteTask<[id: string], number>({
  name: 'py.load',
  params: ['transcript_id'],
})
const remote2 = broker.remoteTask({
  name: 'py.sum',
  input: z.object({ id: z.string() }),
  output: z.number(),
})
is<Eq<typeof remote2, Sendable<[input: { id: string }], number>>>()
const shared = sharedTasks()
const sharedLoad = shared.task({ name: 'shared', params: ['id'] }, async (id: string) => id.length)
broker.include(shared)
await sharedLoad.kicker().withBroker(broker).kiq('x')
broker.dependencyOverrides.set(
  pool,
  dependency(() => new Pool()),
)
broker.dependencyOverrides.setValue(sync, 6)
const three = await broker.scope(async (resolve) => (await resolve({ repo, sync })).sync)
three.toFixed()

// Schedule lines type-check (they need a scheduler to run).
usable(
  broker.task(
    {
      name: 's',
      schedule: [{ every: '1h30m', args: ['x'] }],
      retry: { unless: (e) => e instanceof Error },
      params: ['id'],
    },
    async (id: string) => id,
  ),
)
usable(
  broker.task(
    { name: 'reprocess', schedule: [{ cron: '0 5 * * *', timezone: 'Europe/Paris' }] },
    async () => {},
  ),
)

// Recursive interfaces are plain data.
interface Tree {
  name: string
  kids: Tree[]
}
interface Doc {
  at: Date
  tree?: Tree
  bytes: Uint8Array
  big: bigint
}
is<Doc extends Plain<Doc> ? true : false>()
usable(broker.task('tree', async (d: Doc, t: Tree): Promise<Tree> => d.tree ?? t))

// A worker inside a program.
{
  await using worker = createWorker(broker, {
    concurrency: 100,
    prefetch: 100,
    queues: ['default'],
    unknownTask: { forward: 'q' },
  })
  await worker.start()
  worker.on('task-settled', ({ status }) => status satisfies string)
  await worker.stop({ timeout: '30s' })
}
