// main.ts
import { gather } from 'taskwright'
import { broker, welcome } from './tasks.ts'

const handle = await welcome.kiq('Ada') //              typed: kiq(42) does not compile
console.log(await handle.result({ timeout: '30s' })) // a string: Hello, Ada!

const many = await welcome.kiqMany([['Grace'], ['Barbara']])
console.log(await gather(many))

await welcome
  .kicker()
  .withPriority('high')
  .withDelay('50ms')
  .withLabels({ tenant: 'acme' })
  .kiq('Edsger')
await broker.stop()
export {}
