import { errorData } from '../../core/error-data.ts'
import { StoreError } from '../../core/errors.ts'

/**
 * What Redis answers by the first word of an error, and what to do about it. `transient`: the same call
 * may succeed later without anything being mended.
 */
const replies: Readonly<Record<string, { readonly transient: boolean; readonly advice: string }>> =
  {
    LOADING: { transient: true, advice: 'Redis is loading its data; it is asked again.' },
    BUSY: { transient: true, advice: 'a script of somebody blocks Redis; it is asked again.' },
    READONLY: {
      transient: true,
      advice: 'this server is a replica: after a failover the connection finds the new primary.',
    },
    MASTERDOWN: { transient: true, advice: 'the replica has lost its primary; it is asked again.' },
    CLUSTERDOWN: { transient: true, advice: 'the cluster is not complete; it is asked again.' },
    TRYAGAIN: { transient: true, advice: 'the slot is being moved; it is asked again.' },
    NOREPLICAS: { transient: true, advice: 'there are too few replicas to take a write.' },
    OOM: {
      transient: true,
      advice:
        'Redis has no memory left (`maxmemory`): nothing was written. Give it more, or drain the queue.',
    },
    MISCONF: {
      transient: true,
      advice: 'Redis cannot persist and refuses writes: look at its disk and its log.',
    },
    NOAUTH: {
      transient: false,
      advice: 'give a user name and password, in the URL or in `options`.',
    },
    WRONGPASS: { transient: false, advice: 'the user name or the password is wrong.' },
    NOPERM: {
      transient: false,
      advice:
        'the ACL user may not do this: docs/guide/redis.md lists the commands that are needed.',
    },
    WRONGTYPE: {
      transient: false,
      advice:
        'a key of ours holds something of another program: use a prefix or a database of your own.',
    },
    CROSSSLOT: {
      transient: false,
      advice: 'on a cluster all keys of an app need one tag: redisTransport({ cluster, tag }).',
    },
  }

/** An error that Redis answered, as ioredis has it. */
export function replyError(message: string): Error {
  const error = new Error(message)
  error.name = 'ReplyError'
  return error
}

/** The first word of a reply that is an error: `NOSCRIPT`, `NOGROUP`, `ERR`…; `undefined` for other errors. */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined
  if (error.message.includes("The user executing the script can't")) return 'NOPERM'
  // The error of a command within a script has the code first, too.
  return /^([A-Z][A-Z0-9]*)\b/.exec(error.message)?.[1]
}

/** Any failure of a call as an error of ours. What is not an answer of Redis (the connection) is transient. */
export function redisFailure(error: unknown, where: string): StoreError {
  if (error instanceof StoreError) return error
  const { message } = errorData(error)
  const code = replyCode(error)
  if (code === undefined) {
    return new StoreError(
      `Redis at ${where} did not answer (${message}); whether the call was done is unknown. It is safe to repeat.`,
      { cause: error, transient: true },
    )
  }
  const known = replies[code]
  return new StoreError(
    `Redis at ${where} refused: ${message}${known === undefined ? '' : `: ${known.advice}`}`,
    {
      cause: error,
      transient: known?.transient ?? false,
      ...(code === 'OOM' ? { code: 'STORE_FULL' as const } : {}),
    },
  )
}
