import { toHex } from './hex.ts'

/** Chance, injected everywhere, so that a run can be replayed by its seed. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** `count` random bytes as lower-case hex (two digits a byte). Unguessable from {@link systemRandom} only. */
  hex(count: number): string
}

/** The real source: `Math.random` for jitter, the platform's cryptographic source for ids. */
export const systemRandom: Random = {
  next: () => Math.random(),
  hex: (count) => toHex(globalThis.crypto.getRandomValues(new Uint8Array(count))),
}

/** A repeatable source (mulberry32). Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    next,
    hex: (count) => toHex(Uint8Array.from({ length: count }, () => Math.floor(next() * 256))),
  }
}
