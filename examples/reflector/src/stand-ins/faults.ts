import { setTimeout as pause } from 'node:timers/promises'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'

/** What goes wrong, and how often. */
export interface Fault {
  /** Which stand-in: `llm`, `zulip`, … */
  readonly service: string
  /** Only requests whose path contains this. */
  readonly path?: string | undefined
  /** Only requests whose body contains this. */
  readonly body?: string | undefined
  /** How many requests; 1 unless told otherwise. `'always'` until it is taken back. */
  readonly times?: number | 'always' | undefined
  readonly does:
    | { readonly status: number; readonly headers?: Record<string, string>; readonly text?: string }
    /** Answers rightly, after so many milliseconds. */
    | { readonly delay: number }
    /** Takes the request and never answers. */
    | { readonly hang: true }
    /** Cuts the connection. */
    | { readonly reset: true }
}

interface Planned {
  readonly fault: Fault
  left: number
}

/** The troubles that are planned. The first plan that fits a request happens. */
export class Faults {
  readonly #planned: Planned[] = []

  plan(fault: Fault): void {
    const left = fault.times === 'always' ? Infinity : (fault.times ?? 1)
    this.#planned.push({ fault, left })
  }

  clear(): void {
    this.#planned.length = 0
  }

  /** How many plans have not happened to their end. */
  get pending(): number {
    return this.#planned.filter(({ left }) => left > 0 && left < Infinity).length
  }

  take(request: { service: string; path: string; body: string }): Fault | undefined {
    const found = this.#planned.find(
      ({ fault, left }) =>
        left > 0 &&
        fault.service === request.service &&
        request.path.includes(fault.path ?? '') &&
        request.body.includes(fault.body ?? ''),
    )
    if (found !== undefined) found.left--
    return found?.fault
  }
}

/** Lets a fault happen; the answer that it gives, or `undefined` where the right answer follows. */
export async function happen(
  { does }: Fault,
  context: Context<{ Bindings: HttpBindings }>,
): Promise<Response | undefined> {
  if ('status' in does) {
    const text = does.text ?? `planned to fail with ${does.status}`
    return new Response(text, { status: does.status, headers: does.headers ?? {} })
  }
  if ('delay' in does) {
    await pause(does.delay)
    return undefined
  }
  const { socket } = context.env.incoming
  if ('hang' in does) await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  else socket.destroy()
  return new Response(null, { status: 499 })
}
