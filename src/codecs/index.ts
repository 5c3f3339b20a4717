/**
 * TaskIQ's other serializers, for queues and results that Python programs have in these.
 *
 * @module
 */
export { taskiqCbor } from './taskiq-cbor.ts'
export { taskiqMsgpack } from './taskiq-msgpack.ts'
export { taskiqPickle } from './taskiq-pickle.ts'
export type { LimitOptions } from './data-limits.ts'
