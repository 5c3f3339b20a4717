/** What the page asks the application, and what it is told. */
export interface Transcript {
  readonly id: string
  readonly name: string
  readonly title: string | null
  readonly status: string
  readonly created_at: string
  readonly duration: number | null
  readonly source_kind: string
  readonly short_summary?: string | null
  readonly long_summary?: string | null
  readonly room?: string | null
}

export interface Word {
  readonly text: string
  readonly start: number
  readonly end: number
  readonly speaker: number
}

export interface Topic {
  readonly id: string
  readonly title: string
  readonly summary: string
  readonly timestamp: number
  readonly words: readonly Word[]
}

export interface RunNode {
  readonly ord: number
  readonly kind: string
  readonly name: string
  readonly status: string
  /** What opens it, where it is a gate. */
  readonly gate?: string
  /** Seconds. */
  readonly executionTime?: number
  readonly attempt?: number
  readonly error?: { readonly message: string }
}

/** The task of a file, and the workflow that follows it. */
export interface Work {
  readonly task: string | null
  readonly state: string | null
  readonly nodes: readonly RunNode[]
  readonly edges: readonly { readonly from: number; readonly to: number }[]
}

/** Something that happened, as the WebSocket tells it. */
export interface Told {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

async function call<T>(path: string, init?: RequestInit): Promise<T> {
  const answer = await fetch(path, init)
  const body = (await answer.json()) as T & { error?: string }
  if (!answer.ok) throw new Error(body.error ?? `the application answered ${answer.status}`)
  return body
}

const post = (body: unknown): RequestInit => ({ method: 'POST', body: JSON.stringify(body) })

export const listTranscripts = async (): Promise<readonly Transcript[]> =>
  (await call<{ transcripts: Transcript[] }>('/v1/transcripts')).transcripts

export const getTranscript = (id: string): Promise<Transcript> => call(`/v1/transcripts/${id}`)

export const getWork = (id: string): Promise<Work> => call(`/v1/transcripts/${id}/workflow`)

export const createTranscript = (kind: 'file' | 'live', name: string): Promise<Transcript> =>
  call('/v1/transcripts', post({ source_kind: kind, name }))

export const processAgain = (id: string): Promise<unknown> =>
  call(`/v1/transcripts/${id}/process`, post({}))

/** Goes on where the work failed; what is done is not done again. */
export const resumeWork = (id: string): Promise<unknown> =>
  call(`/v1/transcripts/${id}/workflow/resume`, post({}))

/** Uploads a file in chunks of a megabyte. */
export async function upload(id: string, file: File): Promise<void> {
  const size = 1024 * 1024
  const total = Math.max(1, Math.ceil(file.size / size))
  for (let number = 0; number < total; number++) {
    const form = new FormData()
    form.set('chunk', new File([file.slice(number * size, (number + 1) * size)], file.name))
    const query = `chunk_number=${number}&total_chunks=${total}`
    await call(`/v1/transcripts/${id}/record/upload?${query}`, { method: 'POST', body: form })
  }
}

/** A WebSocket of a transcript. */
export function socket(id: string, kind: 'events' | 'record'): WebSocket {
  const url = new URL(`/v1/transcripts/${id}/${kind}`, location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return new WebSocket(url)
}
