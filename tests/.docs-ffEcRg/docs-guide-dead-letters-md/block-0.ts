import assert from 'node:assert/strict'
import { createBroker, createWorker } from 'taskwright'

const broker = createBroker({ transport: 'memory:', deadLetters: { keepFor: '30d', keep: 10_000 } })
const mail = broker.task({ name: 'mail.send', labels: { tenant: 'acme' } }, async (to: string) => {
  if (!to.includes('@')) throw new TypeError(`no such address: ${to}`)
  return to
})

await using worker = createWorker(broker)
await worker.start()
const handle = await mail.kiq('ada')
await handle.waitResult()

// Search by queue, task, reason, label, error and time; newest first.
const wanted = { task: 'mail.send', labels: { tenant: 'acme' }, error: 'no such address' }
for await (const dead of broker.deadLetters.search(wanted)) {
  assert.deepEqual([dead.reason, dead.message?.args], ['failed', ['ada']])
}

// Run all that fit again, mended, at most 20 a second.
const again = await broker.deadLetters.retry(wanted, {
  edit: ({ message }) => ({ args: [`${String(message.args[0])}@example.org`] }),
  perSecond: 20,
})
assert.deepEqual(again, [handle.taskId])
assert.equal(await handle.result(), 'ada@example.org')
await worker.stop()
await broker.stop()
export {}
