import type { BrokerRuntime } from '../broker/runtime.ts'
import type { WorkerSettings } from './worker-settings.ts'

/** Messages of a queue, and dead letters, that are looked at. */
const looked = 100

/**
 * Says once, when a worker starts on a store that other programs use too, which tasks it has seen there
 * that nobody here knows: of messages that wait in its queues, and of dead letters that were set aside for
 * that. Most often a module was not loaded, or two languages share a queue. Never fails, and nobody waits
 * for it.
 */
export async function tellUnknownTasks(
  { transport, inspector, registry, codec, surroundings }: BrokerRuntime,
  { queues, unknownTask }: WorkerSettings,
): Promise<void> {
  if (!transport.capabilities.foreignReaders || inspector === undefined) return
  const known = (name: string): boolean => registry.get(name)?.handler !== undefined
  const nameOf = (body: Parameters<typeof codec.decodeMessage>[0]): string | undefined => {
    try {
      return codec.decodeMessage(body).task
    } catch {
      // The worker that gets it says so.
      return undefined
    }
  }
  try {
    for (const queue of queues) {
      const waiting = await inspector.peek(queue, { limit: looked })
      const dead = await inspector.deadLetters({ queue, limit: looked })
      const seen = [...waiting, ...dead.filter(({ reason }) => reason === 'unknown')]
      const names = new Set(seen.flatMap(({ body }) => nameOf(body) ?? []))
      const unknown = [...names].filter((name) => !known(name)).sort()
      if (unknown.length === 0) continue
      surroundings.logger.warn(
        `queue '${queue}' has messages of tasks that nobody here knows: ${unknown.join(', ')}. ${advice(unknownTask)}`,
        { queue, tasks: unknown },
      )
    }
  } catch (error) {
    surroundings.logger.debug('queues could not be looked at for unknown tasks', { error })
  }
}

function advice(policy: WorkerSettings['unknownTask']): string {
  const cure = 'Load their modules, or give each program a queue of its own'
  if (policy === 'set-aside') return `They are set aside as dead letters (unknownTask). ${cure}.`
  if (policy === 'give-back') return `They are given back for others (unknownTask). ${cure}.`
  return `They are forwarded to '${policy.forward}' (unknownTask).`
}
