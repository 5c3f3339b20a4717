import type { RunHead } from '../core/workflow-store.ts'

const bytesKey = '$bytes'

/** What is said of a run, as text. Its bodies may be bytes. */
export function headText(head: RunHead): string {
  return JSON.stringify(head, (_, value: unknown) =>
    value instanceof Uint8Array ? { [bytesKey]: Buffer.from(value).toString('base64') } : value,
  )
}

/** What {@link headText} wrote. */
export function readHead(text: string): RunHead {
  return JSON.parse(text, (_, value: unknown) =>
    typeof value === 'object' && value !== null && bytesKey in value
      ? new Uint8Array(Buffer.from(String(value[bytesKey]), 'base64'))
      : value,
  ) as RunHead
}
