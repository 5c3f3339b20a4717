import type {
  GateKind,
  NodePolicy,
  NodeState,
  NodeValue,
  NodeView,
  WorkflowNode,
} from '../core/workflow-store.ts'
import { fromWire } from './wire-body.ts'

const kinds = { t: 'task', j: 'join', g: 'gate', e: 'end' } as const
const gates = { s: 'success', e: 'error', f: 'failure', c: 'continue', a: 'allow' } as const
const states = {
  w: 'waiting',
  r: 'released',
  x: 'expanded',
  s: 'succeeded',
  f: 'failed',
  k: 'skipped',
  i: 'idle',
} as const

/** What a node is, as the scripts read it. */
export function nodeText(node: WorkflowNode): string {
  const { kind, gate, lo, hi, side, under, sources, name = '' } = node
  const policy: NodePolicy = node.policy ?? 'stop'
  const [what, gated, rule] = [kind.charAt(0), gate?.charAt(0) ?? '', policy.charAt(0)]
  const [takes, empty] = [node.takes === true ? 1 : 0, node.empty === true ? 1 : 0]
  const place = `${lo ?? ''}|${hi ?? ''}|${rule}|${side ?? ''}|${under ?? ''}`
  return `${what}|${gated}|${place}|${takes}|${empty}|${node.width ?? sources.length}|${name}`
}

/** A value as the scripts answer it. */
export function valueOf(answer: unknown): NodeValue {
  const [tag, ...rest] = answer as readonly [Buffer, ...unknown[]]
  switch (String(tag)) {
    case 'b':
      return fromWire(rest[0] as Buffer)
    case 'l':
      return rest.map(valueOf)
    case 'p':
      return { list: Number(rest[0]), size: Number(rest[1]) }
    case 'f': {
      const [failed, gen, name, body] = rest
      const told = (body as Buffer).length === 0 ? null : fromWire(body as Buffer)
      return { failed: Number(failed), gen: Number(gen), name: String(name), body: told }
    }
    default:
      return null
  }
}

/** A node as the scripts answer it. */
export function nodeViewOf(answer: unknown): NodeView {
  const [ord, parent, what, where, sources, value, hasValue] = answer as readonly [
    number,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    number,
  ]
  const [kind = 't', gate = ''] = String(what).split('|')
  const name = String(what).split('|').slice(10).join('|')
  const [state = 'w', gen, , cause, , released, ended] = String(where).split('|')
  return {
    ord: Number(ord),
    kind: kinds[kind as keyof typeof kinds],
    name,
    gate: gate === '' ? null : (gates[gate as keyof typeof gates] satisfies GateKind),
    state: (states[state as keyof typeof states] ?? 'waiting') satisfies NodeState,
    gen: Number(gen ?? 0),
    sources: sources.length === 0 ? [] : String(sources).split(',').map(Number),
    parent: number(String(parent)),
    releasedAt: number(released),
    endedAt: number(ended),
    cause: number(cause),
    body: hasValue === 1 ? fromWire(value) : null,
  }
}

function number(text: string | undefined): number | null {
  return text === undefined || text === '' ? null : Number(text)
}
