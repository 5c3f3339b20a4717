// main.ts
import { createWorker } from 'taskwright'
import { broker } from './broker.ts'
import './tasks.ts'

// 'set-aside' (default): a dead letter with its bytes, and an error for the caller.
// 'give-back': two seconds later it is there again, left to whoever waits longest.
export const worker = createWorker(broker, { unknownTask: { forward: 'py' } })
export {}
