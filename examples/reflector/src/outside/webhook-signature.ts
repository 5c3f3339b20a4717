import { createHmac, timingSafeEqual } from 'node:crypto'

/** `t=<seconds>,v1=<hex>`: the signature of a body at a time (seconds since 1970). */
export function sign(secret: string, body: string, time: number): string {
  return `t=${time},v1=${digest(secret, `${time}.${body}`)}`
}

/** Whether a body was signed with this secret, within `maxAge` seconds before or after `now`. */
export function isSignedWith(
  secret: string,
  signed: {
    readonly signature: string
    readonly body: string
    /** Milliseconds since 1970. */
    readonly now: number
    readonly maxAge: number
  },
): boolean {
  const found = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signed.signature)
  if (found === null) return false
  const [, time = '', given = ''] = found
  if (Math.abs(signed.now / 1000 - Number(time)) >= signed.maxAge) return false
  const right = digest(secret, `${time}.${signed.body}`)
  return timingSafeEqual(Buffer.from(right), Buffer.from(given))
}

const digest = (secret: string, text: string): string =>
  createHmac('sha256', secret).update(text).digest('hex')
