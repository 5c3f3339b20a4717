import { fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ChildLink, ChildMessage } from './child-protocol.ts'

// Built it is .js, from the sources .ts.
const entry = fileURLToPath(
  new URL(`./worker-child${extname(fileURLToPath(import.meta.url))}`, import.meta.url),
)

/** Starts a child. It writes to this process's stdout and stderr; only messages come to the supervisor. */
export function forkChild(): ChildLink {
  const child = fork(entry, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  return {
    pid: child.pid,
    send(message) {
      // The callback takes the error of a channel that closes meanwhile; the end is told by `onEnd`.
      if (child.connected) child.send(message, () => {})
    },
    kill: () => void child.kill('SIGKILL'),
    onMessage: (listener) =>
      void child.on('message', (message) => listener(message as ChildMessage)),
    onEnd(listener) {
      let ended = false
      const end = (code: number | null, signal: string | null): void => {
        if (!ended) listener({ code, signal })
        ended = true
      }
      child.once('exit', end)
      child.once('error', () => child.pid === undefined && end(null, null))
    },
  }
}
