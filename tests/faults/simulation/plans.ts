import type { Random } from '../../../src/core/random.ts'
import type { TaskStatus } from '../../../src/core/states.ts'

/** How a simulated task behaves. */
export type Behaviour =
  | 'quick'
  | 'work'
  | 'deaf'
  | 'flaky'
  | 'failing'
  | 'later'
  | 'hang'
  | 'block'
  | 'poison'
  | 'rejecting'
  | 'parent'

/** One message that is sent in a run, and what may become of it. */
export interface Plan {
  readonly id: string
  readonly behaviour: Behaviour
  /** Milliseconds that it takes. */
  readonly ms: number
  /** Retries that it has, and how often it fails. */
  readonly retries: 0 | 2
  readonly fails: number
  readonly sendAt: number
  readonly delay: number | undefined
  readonly expiry: number | undefined
  readonly cancelAt: number | undefined
  readonly priority: number
}

/** Milliseconds after which a task that hangs is interrupted. */
export const hangTimeout = 700

const behaviours: readonly (readonly [Behaviour, number])[] = [
  ['quick', 4],
  ['work', 8],
  ['deaf', 2],
  ['flaky', 3],
  ['failing', 2],
  ['later', 1],
  ['hang', 1],
  ['block', 1],
  ['poison', 1],
  ['rejecting', 1],
  ['parent', 2],
]
const total = behaviours.reduce((sum, [, weight]) => sum + weight, 0)

/** The messages of a run, sent within `span` milliseconds. */
export function drawPlans(random: Random, span: number): Plan[] {
  const count = 3 + Math.floor(random.next() * 14)
  const cancels = random.next() < 0.5 ? 0.25 : 0
  return Array.from({ length: count }, (_, i) => {
    const sendAt = random.next() * span
    return {
      id: `m${i}`,
      behaviour: drawBehaviour(random),
      ms: random.next() < 0.2 ? 1000 + 2500 * random.next() : 5 + 200 * random.next(),
      retries: random.next() < 0.5 ? 0 : 2,
      fails: 1 + Math.floor(random.next() * 3),
      sendAt,
      delay: random.next() < 0.15 ? Math.round(2000 * random.next()) : undefined,
      expiry: random.next() < 0.08 ? Math.round(500 + 2000 * random.next()) : undefined,
      cancelAt: random.next() < cancels ? sendAt + 1500 * random.next() : undefined,
      priority: Math.floor(random.next() * 10),
    }
  })
}

function drawBehaviour(random: Random): Behaviour {
  let draw = random.next() * total
  for (const [behaviour, weight] of behaviours) {
    draw -= weight
    if (draw < 0) return behaviour
  }
  return 'quick'
}

/** How a message may end, if it is not cancelled, does not expire and its lease is not lost too often. */
export function fairEnds({ behaviour, fails, retries }: Plan): readonly TaskStatus[] {
  switch (behaviour) {
    case 'failing':
    case 'hang':
      return ['failed']
    case 'flaky':
    case 'later':
      return [fails > retries ? 'failed' : 'succeeded']
    case 'poison':
    case 'rejecting':
      return ['dead']
    default:
      return ['succeeded']
  }
}
