/** What must not compile: each line is held by its `@ts-expect-error`. Never run. */
import * as z from 'zod'
import { createBroker, createWorker, dependency, exponential } from 'taskwright'

const broker = createBroker('memory:')
const num = dependency(() => 1)
const str = dependency(() => 'a')
const load = broker.task('load', async (id: string) => id.length)
const add = broker.task('add', async (n: number, by: number) => n + by)

// @ts-expect-error wrong argument
void load.kiq(1)
// @ts-expect-error missing argument
void add.kiq(1)
// @ts-expect-error one too many
void add.kiq(1, 2, 3)
// @ts-expect-error wrong argument of a direct call
void load(1)
// @ts-expect-error a bare list of values
void load.kiqMany(['a'])
// @ts-expect-error kwargs for a positional task
void load.kiq({ id: 'a' })
// @ts-expect-error a handle's value of another type
export const wrong: string = await (await load.kiq('a')).result()
// @ts-expect-error not a duration
void load.kicker().withDelay('5 minutes')
// @ts-expect-error not a priority
void load.kicker().withPriority(10)
// @ts-expect-error a label that is no primitive
void load.kicker().withLabels({ a: { b: 1 } })
// @ts-expect-error an override of another type
broker.dependencyOverrides.set(num, str)
// @ts-expect-error a value of another type
broker.dependencyOverrides.setValue(num, 'a')
// @ts-expect-error a dependency that the handler was not promised
void broker.task({ name: 'x', deps: { num } }, async ({ str: other }: { str: string }) => other)
// @ts-expect-error the handler wants another type than the dependency gives
void broker.task({ name: 'x', deps: { num } }, async ({ num: text }: { num: string }) => text)
// @ts-expect-error fakes must fit the dependencies
void broker.task({ name: 'x', deps: { num } }, async ({ num: n }) => n).handler({ num: 'a' })
// @ts-expect-error both cron and every
void broker.task({ name: 'x', schedule: [{ cron: '* * * * *', every: '1s' }] }, async () => {})
// @ts-expect-error params too short (seen at use)
void broker.task({ name: 'x', params: ['a'] }, async (a: string, b: string) => a + b).kiq('a', 'b')
// @ts-expect-error params and input (seen at use)
void broker.task({ name: 'x', params: ['a'], input: z.object({}) }, async () => {}).kiq({})
// @ts-expect-error a schedule without args (seen at use)
void broker.task({ name: 'x', schedule: [{ cron: '* * * * *' }] }, async (a: string) => a).kiq('a')
const late = broker.task(
  { name: 'x', schedule: [{ every: 1e3, args: [1] }] },
  async (a: string) => a,
)
// @ts-expect-error schedule args of another type (seen at use)
void late.kiq('a')
// @ts-expect-error not plain data (seen at use)
void broker.task('x', async (cb: () => void) => cb()).kiq(() => {})
// @ts-expect-error a result that is not plain data (seen at use)
void broker.task('x', async () => new Map<string, string>()).kiq()
// @ts-expect-error an argument without a type (seen at use)
void broker.task('x', async (id) => id).kiq('a')
const schema = z.object({ id: z.string() })
const parsed = broker.task({ name: 'x', input: schema }, async ({ id }) => id)
// @ts-expect-error wrong input
void parsed.kiq({ id: 1 })
// @ts-expect-error an unknown option
void broker.task({ name: 'x', retries: 3 }, async () => {})
// @ts-expect-error an unknown option of the worker
createWorker(broker, { threads: 3 })
// @ts-expect-error a backoff cap that is no duration
exponential('1m', { max: 'an hour' })
// @ts-expect-error no name
void broker.task({}, async () => {})
// @ts-expect-error a remote task is not a function
broker.remoteTask<[id: string], number>('py')('a')
