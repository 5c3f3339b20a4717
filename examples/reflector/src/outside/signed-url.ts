import { createHmac, timingSafeEqual } from 'node:crypto'

/** Who may sign for an object store. */
export interface ObjectStoreAccess {
  readonly url: string
  readonly key: string
  readonly secret: string
}

/** A URL under which anybody may read an object until `expires` (seconds since 1970). */
export function signedUrl(
  access: ObjectStoreAccess,
  object: { readonly bucket: string; readonly key: string; readonly expires: number },
): string {
  const path = `/${object.bucket}/${object.key.split('/').map(encodeURIComponent).join('/')}`
  const query = new URLSearchParams({
    Key: access.key,
    Expires: String(object.expires),
    Signature: signature(access.secret, { path, expires: object.expires }),
  })
  return `${access.url}${path}?${query.toString()}`
}

/** Whether a signature is right and has not expired at `now` (milliseconds since 1970). */
export function isSigned(
  secret: string,
  request: { readonly path: string; readonly query: URLSearchParams; readonly now: number },
): boolean {
  const expires = Number(request.query.get('Expires'))
  if (!(expires * 1000 > request.now)) return false
  const right = Buffer.from(signature(secret, { path: request.path, expires }))
  const given = Buffer.from(request.query.get('Signature') ?? '')
  return right.length === given.length && timingSafeEqual(right, given)
}

function signature(secret: string, signed: { path: string; expires: number }): string {
  return createHmac('sha256', secret)
    .update(`GET\n${signed.path}\n${signed.expires}`)
    .digest('base64url')
}
