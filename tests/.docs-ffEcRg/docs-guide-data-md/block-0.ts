import { DataNotPlainError, createBroker } from 'taskwright'

const broker = createBroker({ transport: 'memory:' })
const report = broker.task({ name: 'report' }, async (day: Date) => day.getUTCFullYear())

await broker.start()
await report.kiq(new Date()) // arrives as a Date

// A Map does not compile here; behind a cast it is stopped at run time, before anything is stored.
const wrong: unknown = new Map()
await report.kiq(wrong as Date).catch((error: unknown) => {
  if (!(error instanceof DataNotPlainError)) throw error
  console.log(error.message) // args[0] is a Map, which cannot travel. Send an …
})
await broker.stop()
export {}
