import { createBroker } from 'taskwright'

// One file on disk is all that producer and workers share.
export const broker = createBroker(process.env['TASKWRIGHT_URL'] ?? 'sqlite:./text-analysis.db')
