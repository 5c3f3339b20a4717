import type { WorkflowStore } from '../../core/workflow-store.ts'

/** What a test does beside the workflows of its store. */
export interface WorkflowWatch {
  /** Steps will be sent to this queue. */
  readonly seen: (queue: string) => void
  /** Messages may have been sent by the store. */
  readonly stepped: () => Promise<void>
}

/** The workflows of a test's store: the kit knows the queues of their steps, and when some may be ready. */
export function watchedWorkflows(inner: WorkflowStore, watch: WorkflowWatch): WorkflowStore {
  const after = async <T>(answer: Promise<T>): Promise<T> => {
    const found = await answer
    await watch.stepped()
    return found
  }
  const see = (nodes: Parameters<WorkflowStore['put']>[1]): void => {
    for (const node of nodes)
      if ('message' in node && node.message !== undefined) watch.seen(node.message.queue)
  }
  return {
    reserve: (run, count) => inner.reserve(run, count),
    put: (run, nodes) => {
      see(nodes)
      return inner.put(run, nodes)
    },
    seal: (run, head, last = []) => {
      see(last)
      return after(inner.seal(run, head, last))
    },
    pump: (run) => after(inner.pump(run)),
    check: (places) => inner.check(places),
    control: (run, command) => after(inner.control(run, command)),
    read: (run) => inner.read(run),
    nodes: (run, page) => inner.nodes(run, page),
    value: (run, ord) => inner.value(run, ord),
    values: (run, page) => inner.values(run, page),
    list: (page) => inner.list(page),
    sweep: (limit) => inner.sweep(limit),
    onMore: (listener) => inner.onMore(listener),
  }
}
