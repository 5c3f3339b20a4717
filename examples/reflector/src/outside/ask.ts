/** A service that answered, but not with what was asked for. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError'
  readonly status: number

  constructor(what: { readonly service: string; readonly status: number; readonly text: string }) {
    super(`${what.service} answered ${what.status}: ${what.text.slice(0, 200)}`)
    this.status = what.status
  }
}

export interface Question extends Omit<RequestInit, 'signal'> {
  /** How the service is called in errors. */
  readonly service: string
  /** Milliseconds for the whole answer. */
  readonly timeout: number
  /** Ends the request before its time. */
  readonly signal?: AbortSignal | undefined
  /** Reads a large answer as it comes, within the same limit. Otherwise it is read into memory. */
  readonly read?: ((answer: Response) => Promise<void>) | undefined
}

/**
 * One request with a time limit for all of it, its answer read to the end. Nothing of it is left behind:
 * `AbortSignal.timeout` would keep its timer, and what hangs on it, until the limit is over.
 * @throws AnswerError when the answer is not a 2xx; the error of fetch when there is none.
 */
export async function ask(url: string, question: Question): Promise<Response> {
  const { service, timeout, signal, read, ...init } = question
  const controller = new AbortController()
  const timer = setTimeout(() => {
    controller.abort(new Error(`${service} did not answer within ${timeout / 1000} s`))
  }, timeout)
  const stop = (): void => controller.abort(signal?.reason)
  signal?.addEventListener('abort', stop)
  try {
    signal?.throwIfAborted()
    const answer = await fetch(url, { ...init, signal: controller.signal })
    const { status, headers } = answer
    if (!answer.ok) throw new AnswerError({ service, status, text: await answer.text() })
    if (read !== undefined) {
      await read(answer)
      return new Response(null, { status, headers })
    }
    const body = status === 204 ? null : await answer.arrayBuffer()
    return new Response(body, { status, headers })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
  }
}

/** Whether trying again is of no use: the service has understood, and said no. */
export function isRefusal(error: unknown): boolean {
  return error instanceof AnswerError && [400, 401, 402, 403, 404, 413, 422].includes(error.status)
}
