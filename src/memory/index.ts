export { memoryTransport, type MemoryTransportOptions } from './memory-transport.ts'
export { memoryResultBackend, type MemoryResultBackendOptions } from './memory-result-backend.ts'
