import type { ClaimOwner, MemoryMessage } from './memory-message.ts'
import type { MemoryQueue } from './memory-queue.ts'

/** What is to be claimed. */
export interface ClaimRequest {
  readonly queues: readonly MemoryQueue[]
  readonly room: number
  readonly lease: number
  readonly early: boolean
  /** The most messages with redeliveries among them. */
  readonly suspects: number
  /** See `ReceiveRequest.shares`. */
  readonly shares?: readonly number[] | undefined
}

/**
 * Takes out up to `room` messages, to be held at once; each queue has a fair share, and what one leaves
 * goes to the others.
 */
export function pickMessages(request: ClaimRequest, owner: ClaimOwner): MemoryMessage[] {
  if (request.shares !== undefined) return pickByShares(request, request.shares)
  const { room, early } = request
  let { suspects } = request
  let open = turned(request.queues, owner).filter(({ waiting, queued }) =>
    early ? waiting > 0 : queued > 0,
  )
  owner.lastQueue = open[0]?.name ?? owner.lastQueue
  const alone = open.length <= 1
  const taken: MemoryMessage[] = []
  while (open.length > 0 && taken.length < room) {
    const share = Math.max(1, Math.floor((room - taken.length) / open.length))
    open = open.filter((queue) => {
      let message: MemoryMessage | undefined
      for (let i = 0; i < share && taken.length < room; i++) {
        message = queue.take({ early, suspect: suspects > 0 })
        if (message === undefined) return false
        if (message.redeliveries > 0) suspects--
        taken.push(message)
      }
      return true
    })
  }
  if (!alone) taken.sort((a, b) => b.priority - a.priority || a.seq - b.seq)
  return taken
}

/** Each queue has its share first; what is left goes to the others in their order. */
function pickByShares(request: ClaimRequest, shares: readonly number[]): MemoryMessage[] {
  const { queues, room, early } = request
  let { suspects } = request
  const taken: MemoryMessage[] = []
  for (const most of [(i: number) => shares[i] ?? 0, () => room]) {
    for (const [i, queue] of queues.entries()) {
      for (let left = Math.min(most(i), room - taken.length); left > 0; left--) {
        const message = queue.take({ early, suspect: suspects > 0 })
        if (message === undefined) break
        if (message.redeliveries > 0) suspects--
        taken.push(message)
      }
    }
  }
  return taken
}

/** The queues in the order in which this receive serves them: it begins behind the one that was first last time. */
function turned(queues: readonly MemoryQueue[], owner: ClaimOwner): readonly MemoryQueue[] {
  const last = queues.findIndex((queue) => queue.name === owner.lastQueue)
  return last < 0 ? queues : [...queues.slice(last + 1), ...queues.slice(0, last + 1)]
}
