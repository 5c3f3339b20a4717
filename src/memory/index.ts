export { memoryTransport, type MemoryTransportOptions } from './memory-transport.ts'
export { memoryResultBackend, type MemoryResultBackendOptions } from './memory-result-backend.ts'
export { memoryScheduleSource, type MemoryScheduleSourceOptions } from './memory-schedule-source.ts'
