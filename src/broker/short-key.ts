import { createHash } from 'node:crypto'

/** The most characters of a key that stores keep. */
const longest = 180

/** A key as it is, or what stands for it where it is long: its beginning and a digest of the whole. */
export function shortKey(key: string): string {
  if (key.length <= longest) return key
  return `${key.slice(0, 100)}#${createHash('sha256').update(key).digest('base64url')}`
}
