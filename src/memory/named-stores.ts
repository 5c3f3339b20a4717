import { MemoryStore } from './memory-store.ts'

/** Stores with a name live as long as the process: their messages survive a restart of the broker. */
const named = new Map<string, MemoryStore>()
let made = 0

/** The store of this name in this process; without a name a new one that nobody else can reach. */
export function memoryStore(name: string | undefined): MemoryStore {
  if (name === undefined) return new MemoryStore(`memory#${++made}`)
  let store = named.get(name)
  if (store === undefined) named.set(name, (store = new MemoryStore(`memory:${name}`)))
  return store
}
