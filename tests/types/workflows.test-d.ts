/** Workflows: what must compile, what comes out, and what must not. Checked by TypeScript 7 and 5.9; never run. */
import {
  TaskContext,
  chain,
  chord,
  chunks,
  configSource,
  createBroker,
  gather,
  group,
  map,
  starmap,
  type Canvas,
  type NoInput,
  type WorkflowFailure,
} from 'taskwright'
import { memoryScheduleSource } from 'taskwright/memory'

type Eq<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <_T extends true>(): void => {}
const broker = createBroker('memory:')

const load = broker.task('load', async (id: string) => id.length)
const dbl = broker.task('dbl', async (n: number) => n * 2)
const add = broker.task('add', async (n: number, by: number) => n + by)
const sum = broker.task('sum', async (xs: number[]) => xs.length)
const list = broker.task('list', async () => ['a', 'b'])
const nil = broker.task('nil', async () => {})
const note = broker.task('note', async (failure: WorkflowFailure) => failure.error.message)
const maybe = broker.task('maybe', async (n: number | null) => n ?? 0)

const c1 = chain(load.s('x'), dbl.s(), add.s(4), nil.si(), load.si('y'))
is<Eq<typeof c1, Canvas<NoInput, number>>>()
export const value: number = await (await c1.kiq()).result()
const open = chain(load.s(), dbl.s())
await open.kiq('start')
await open.kiqAs({ id: '0'.repeat(20), deadline: '1h' }, 'start')
await chain(list.s(), map(chain(load.s(), dbl.s())), sum.s()).kiq()
await chain(load.s('x'), group([dbl.s(), add.s(1), chain(dbl.s(), dbl.s())]), sum.s()).kiq()
const ch = chord([load.s('x'), chain(load.si('y'), dbl.s())], sum.s())
is<Eq<typeof ch, Canvas<NoInput, number>>>()
const nested = chain(chord([load.s('a'), load.s('b')], sum.s()), add.s(1)).andThen(dbl.s())
await nested.kiq()
const g = group([load.s('a'), list.s()])
is<Eq<typeof g extends Canvas<never, infer O> ? O : 0, [number, string[]]>>()
export const both: [number, string[]] = await (await g.kiq()).result()
export const gathered: [number, number] = await gather([load.kiq('a'), c1.kiq()])
const opt = broker.task('opt', async (a: string, b?: string) => a + (b ?? ''))
chain(opt.s('x'), opt.s('y'))

// Plans of workflows take what kiq takes.
const source = memoryScheduleSource()
const plan = await open.scheduleByCron(source, { cron: '@daily', deadline: '1h' }, 'start')
export const planned: number = await (await plan.runNow()).result()
await c1.scheduleByInterval(source, '5m')
await c1.scheduleByTime(source, new Date(0))
configSource(broker, { daily: { workflow: c1, cron: '@daily' }, tick: { task: nil, every: '1m' } })
configSource(broker, { daily: { workflow: open, args: ['start'], cron: '@daily', name: 'x' } })
// @ts-expect-error its first step still takes a text
await open.scheduleByCron(source, '@daily')
// @ts-expect-error its first step takes a text
await open.scheduleByCron(source, '@daily', 5)
// @ts-expect-error it takes nothing
await c1.scheduleByCron(source, '@daily', 'x')
// @ts-expect-error a line has a task or a workflow
configSource(broker, { both: { workflow: c1, task: nil, cron: '@daily' } })

// Policies and side steps.
const allowed = chain(load.s('a').allowFailure(), maybe.s())
is<Eq<typeof allowed, Canvas<NoInput, number>>>()
const kept = group([load.s('a').continueOnFailure()])
is<Eq<typeof kept extends Canvas<never, infer O> ? O : 0, [number | WorkflowFailure]>>()
await c1.onFailure(note.s()).failFast().kiq()
await load.s('a').onError(note.s()).onSuccess(dbl.s()).set({ queue: 'q', delay: '5s' }).kiq()
await chain(load.s('a').set({ retry: { max: 3 }, timeout: '1m', priority: 'high' }), dbl.s()).kiq()

// Many calls, and expansion.
export const lists: number[][] = await (await chunks(add, [[1, 2]], 10).kiq()).result()
await starmap(add).kiq([[1, 2]])
const split = broker.task(
  { name: 'split', deps: { ctx: TaskContext } },
  async ({ ctx }, ids: string[]) => ctx.expand(group(ids.map((id) => load.si(id)))),
)
export const split1: number[] = await (await split.s(['a']).kiq()).result()
const swap = broker.task({ name: 'swap', deps: { ctx: TaskContext } }, async ({ ctx }, n: number) =>
  ctx.replace(dbl.si(n)),
)
export const swapped: number = await (await swap.s(1).kiq()).result()

// A canvas is no thenable: it may be returned from an async function.
async function build(): Promise<Canvas<NoInput, number>> {
  return chain(load.s('a'), dbl.s())
}
await (await build()).kiq()

// @ts-expect-error wrong step: number into string
chain(load.s('x'), load.s())
// @ts-expect-error a complete .s() in second place
chain(load.s('x'), load.s('y'))
// @ts-expect-error void handed on
chain(nil.s(), dbl.s())
// @ts-expect-error wrong step in the middle of a nested chain
chain(load.s('x'), chain(load.s(), dbl.s()), dbl.s())
// @ts-expect-error partial of the wrong type
add.s('4')
// @ts-expect-error .si() needs all
add.si(1)
// @ts-expect-error an open chain needs its input
await chain(dbl.s(), dbl.s()).kiq()
// @ts-expect-error body wants number[], header gives (number | string[])[]
chord([load.s('x'), list.s()], sum.s())
// @ts-expect-error map over a number
chain(load.s('x'), map(dbl.s()))
// @ts-expect-error group result into a number
chain(group([load.s('x')]), dbl.s())
// @ts-expect-error wrong follower
chord([load.s('x')], sum.s()).andThen(load.s())
// @ts-expect-error an allowed failure may be null
chain(load.s('x').allowFailure(), dbl.s())
// @ts-expect-error onFailure gives a failure, not a number
chain(load.s('x'), dbl.s()).onFailure(dbl.s())
// @ts-expect-error a task is no step: its signature is
chain(load)
