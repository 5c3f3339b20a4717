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
}

/**
 * One request with a time limit, its answer read to the end.
 * @throws AnswerError when the answer is not a 2xx; the error of fetch when there is none.
 */
export async function ask(url: string, question: Question): Promise<Response> {
  const { service, timeout, signal, ...init } = question
  const limit = AbortSignal.timeout(timeout)
  const both = signal === undefined ? limit : AbortSignal.any([limit, signal])
  const answer = await fetch(url, { ...init, signal: both })
  if (!answer.ok)
    throw new AnswerError({ service, status: answer.status, text: await answer.text() })
  return answer
}

/** Whether trying again is of no use: the service has understood, and said no. */
export function isRefusal(error: unknown): boolean {
  return error instanceof AnswerError && [400, 401, 402, 403, 404, 413, 422].includes(error.status)
}
