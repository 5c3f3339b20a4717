import { fileURLToPath } from 'node:url'

/** Where something was defined. */
export interface DefinitionSite {
  readonly file: string
  readonly line: number
}

// Frames of this package itself: src/broker while developing, dist/broker when installed.
const ours = new URL('.', import.meta.url).href

/**
 * The file and line of the user's code that called into this package; `undefined` where there is
 * none (a REPL, `eval`, `node -e`).
 */
export function definitionSite(): DefinitionSite | undefined {
  const stack = new Error('where').stack ?? ''
  for (const frame of stack.split('\n').slice(1)) {
    const match = /(?:\(|at (?:async )?)((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*?):(\d+):\d+\)?$/.exec(
      frame,
    )
    const place = match?.[1]
    if (place === undefined) continue
    const file = place.startsWith('file://') ? fileURLToPath(place.replace(/[?#].*$/, '')) : place
    if (place.startsWith(ours) || file.startsWith(fileURLToPath(ours))) continue
    return { file, line: Number(match?.[2]) }
  }
  return undefined
}
