import { createBroker, sharedTasks } from 'taskwright'

const broker = createBroker('memory:')

// Code in another service, perhaps in Python: it can be sent, not run here.
const transcribe = broker.remoteTask<[id: string], { text: string }>({
  name: 'audio.transcribe',
  params: ['recording_id'], // travels by name
})
await transcribe.kiq('r-1')

// A library's tasks, bound to a broker later.
const mail = sharedTasks()
const welcome = mail.task('mail.welcome', async (address: string) => `hello ${address}`)
broker.include(mail)
await welcome.kiq('ada@example.org')
await broker.stop()
export {}
