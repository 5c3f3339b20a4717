/** The scheduler: `node --import jiti/register src/scheduler/main.ts`. Run two of them where one may die. */
import { broker } from '../broker.ts'
import { scheduler } from '../schedule.ts'

await scheduler.start()
console.log('scheduling')
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void scheduler
      .stop()
      .then(() => broker.stop())
      .then(() => process.exit(0))
  })
}
