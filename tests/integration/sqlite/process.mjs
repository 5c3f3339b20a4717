/**
 * A process of the integration tests, on the built package. It says what it has done in lines on
 * stdout, each written at once, so that what was said before a SIGKILL is known.
 *
 * process.mjs send FILE COUNT   sends one by one; `sent ID` after each
 * process.mjs drain FILE        receives and settles until killed or told to stop; `done ID` for each
 * process.mjs echo FILE         waits for messages; `got ID` for each; settles with a result
 * process.mjs idle FILE MS      waits that long for a message that never comes; `cpu SHARE`
 * process.mjs open FILE         starts, stops, and must end by itself; `stopped`
 * process.mjs leave FILE        starts and neither waits nor stops: must end by itself
 */
import { writeSync } from 'node:fs'

const dist = process.env.TASKWRIGHT_TEST_DIST ?? new URL('../../../dist/', import.meta.url).href
const { systemClock } = await import(`${dist}core/clock.js`)
const { timeOrderedIds } = await import(`${dist}core/ids.js`)
const { silentLogger } = await import(`${dist}core/logger.js`)
const { systemRandom } = await import(`${dist}core/random.js`)
const { sqliteTransport } = await import(`${dist}sqlite/index.js`)

const [verb, file, number] = process.argv.slice(2)
const thread = process.env.TASKWRIGHT_TEST_THREAD === 'false' ? false : 'auto'
const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
const newId = timeOrderedIds(systemClock, systemRandom)
/** Waits while the pipe is full: the test may be busy, and a line that was begun must be ended. */
function say(line) {
  let bytes = Buffer.from(`${line}\n`)
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(1, bytes))
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}

const { transport } = sqliteTransport({ file, thread }).create(around)
await transport.start()
say('ready')

const stopping = new AbortController()
process.on('SIGTERM', () => stopping.abort())
const ask = { queues: ['default'], room: 50, lease: 1500, signal: stopping.signal }
const settle = async (held, body) => {
  const outcome = { kind: 'succeeded' }
  const result = (id) => ({ id, body, expiresIn: 3_600_000 })
  const statuses = await transport.settle(
    held.map((claim) => ({ claim, outcome, result: result(claim.id) })),
  )
  return held.filter((_, i) => statuses[i] === 'settled')
}

switch (verb) {
  case 'send':
    for (let i = 0; i < Number(number); i++) {
      const id = newId()
      await transport.send([{ id, queue: 'default', priority: 4, body: `${process.pid}` }])
      say(`sent ${id}`)
    }
    break
  case 'drain':
    while (!stopping.signal.aborted) {
      const held = await transport.receive(ask)
      for (const { id } of await settle(held, `${process.pid}`)) say(`done ${id}`)
    }
    break
  case 'echo':
    while (!stopping.signal.aborted) {
      const held = await transport.receive(ask)
      for (const { id } of held) say(`got ${id} ${performance.timeOrigin + performance.now()}`)
      await settle(held, 'echo')
    }
    break
  case 'idle': {
    const before = process.cpuUsage()
    await transport.receive({ ...ask, wait: Number(number) })
    const { user, system } = process.cpuUsage(before)
    say(`cpu ${(user + system) / 1000 / Number(number)}`)
    break
  }
}
if (verb !== 'leave') {
  await transport.stop()
  say('stopped')
}
