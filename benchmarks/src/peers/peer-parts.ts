/** Installed on demand, so it is found at run time only. */
export function importPeer(name: string): Promise<unknown> {
  return import(name)
}

/** How peers on Redis are told where it is. */
export function connectionOf(place: string): { host: string; port: number; db: number } {
  const { hostname, port, pathname } = new URL(place)
  return { host: hostname, port: Number(port), db: Number(pathname.slice(1)) }
}

/** Waits as a handler does. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
