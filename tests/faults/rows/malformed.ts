/** Row 37: stored bytes that are no message. */
import {
  seededRandom,
  silentLogger,
  systemClock,
  systemRandom,
  type Body,
  type Random,
} from 'taskwright'
import { shortfalls } from '../expectations.ts'
import { row } from '../row.ts'
import { onStage, type Stage } from '../stage.ts'
import { transportOf } from '../worker/open-broker.ts'

/** Of a task that writes nothing down: the id within may be any. */
const sound = JSON.stringify({
  task_id: 'x',
  task_name: 'measure',
  labels: { a: '1', priority: '5' },
  labels_types: { a: 3, priority: 1 },
  args: [1, 'two', { three: [null, true] }],
  kwargs: {},
})

/** Bytes that somebody might have stored. */
const cases: readonly Body[] = [
  '',
  'null',
  '[]',
  '"text"',
  '{}',
  '{"task_name":"measure"}',
  sound.slice(0, 40),
  sound.replace('"measure"', '"no.such.task"'),
  sound.replace('"measure"', '7'),
  sound.replace('"measure"', `"${'n'.repeat(100_000)}"`),
  sound.replace('"measure"', '"__proto__"'),
  sound.replace('"measure"', '"constructor"'),
  sound.replace('"a":"1"', '"__proto__":{"polluted":true}'),
  sound.replace('[1,', '[{"__proto__":{"polluted":true}},'),
  sound.replace('[1,', '[{"constructor":{"prototype":{"polluted":true}}},'),
  sound.replace('[1,', `[${'['.repeat(100_000)}${']'.repeat(100_000)},`),
  sound.replace('[1,', `[${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)},`),
  sound.replace('[1,', '["\\u0000","\\ud800","\\udfff",'),
  sound.replace('[1,', '[123456789012345678901234567890,'),
  sound.replace('[1,', `[${'9'.repeat(1_000_000)},`),
  sound.replace('[1,', '[1e999,-1e999,'),
  sound.replace('[1,', `["${'x'.repeat(10_000_000)}",`),
  sound.replace('"kwargs":{}', `"kwargs":{${keys(200_000)}}`),
  sound.replace('"args":[', '"args":{'),
  sound.replace('{"a":3', '{"a":99'),
  sound.replace('"priority":"5"', '"priority":"never"'),
  sound.replace('"a":"1"', '"timeout":"-5","_retries":"many","max_retries":"1e9"'),
  sound.replace('"a":"1"', '"tw_expires":"tomorrow"'),
  `${sound}${sound}`,
  `\ufeff${sound}`,
  Uint8Array.of(),
  Uint8Array.of(0xff, 0xfe, 0x00, 0x80),
  Buffer.from(sound).subarray(0, 60),
  Buffer.concat([
    Buffer.from(sound.slice(0, 30)),
    Buffer.of(0xc3, 0x28),
    Buffer.from(sound.slice(30)),
  ]),
  Buffer.from(sound, 'utf16le'),
  Buffer.from([0x80, 0x04, 0x95, 0x0b, 0x00, 0x00, 0x00, 0x63, 0x6f, 0x73, 0x0a]),
]

/** Row 37. */
export const malformedBytes = row({
  id: '37',
  fault: 'stored bytes that are no message',
  expected: 'set aside with a reason; the workers live, the queue flows',
  engines: ['sqlite', 'redis'],
  sizes: { A: { fuzz: 3000 }, B: { fuzz: 100_000 }, C: { fuzz: 2_000_000 } },
  run: (options, { fuzz }) =>
    onStage(options, { name: 'malformed', workers: 2 }, async (stage) => {
      await stage.start()
      const before = stage.fleet.members.map(({ pid }) => pid)
      const random = seededRandom(options.seed)
      await sendRaw(stage, cases)
      const page = 500
      for (let sent = 0; sent < fuzz; sent += page) {
        const count = Math.min(page, fuzz - sent)
        await sendRaw(
          stage,
          Array.from({ length: count }, () => mutated(sound, random)),
        )
      }
      await stage.sendWork(100)
      await stage.drain()
      const alive = stage.fleet.members.map(({ pid }) => pid)
      const { verdict } = await stage.judge()
      const { malformed = 0, unknown = 0, failed = 0 } = verdict.dead
      const also = {
        'the workers live': JSON.stringify(alive) === JSON.stringify(before),
        'most were set aside': malformed + unknown > fuzz / 4,
        'nothing has been put into every object': !('polluted' in {}),
      }
      return {
        verdict,
        faults: shortfalls(verdict, { dead: verdict.dead, also, duplicates: 0 }),
        facts: { messages: cases.length + fuzz, malformed, unknown, failed },
      }
    }),
})

/** Stores bytes as they are, past the codec. */
async function sendRaw(stage: Stage, bodies: readonly Body[]): Promise<void> {
  const surroundings = { clock: systemClock, random: systemRandom, logger: silentLogger }
  const { transport } = transportOf(stage.transport).create(surroundings)
  await transport.start()
  const queue = stage.transport.kind === 'redis' ? 'taskiq' : 'default'
  const envelopes = bodies.map((body) => ({ id: stage.id('raw'), queue, priority: 4, body }))
  stage.ledger.write(...envelopes.map(({ id }) => ({ kind: 'attempt', id }) as const))
  await transport.send(envelopes)
  stage.ledger.write(...envelopes.map(({ id }) => ({ kind: 'ack', id, known: false }) as const))
  await transport.stop()
}

/** A text with some of its bytes changed, cut out, doubled or put in. */
function mutated(text: string, random: Random): Body {
  let bytes = Buffer.from(text)
  const times = 1 + Math.floor(random.next() * 4)
  for (let i = 0; i < times; i++) {
    const at = Math.floor(random.next() * bytes.length)
    const length = 1 + Math.floor(random.next() * 12)
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at + length)]
    const middle = bytes.subarray(at, at + length)
    const drawn = Buffer.from(random.hex(length), 'hex')
    const marks = Buffer.from('{}[]",:\\u0000-1e9'.repeat(2)).subarray(length)
    const way = Math.floor(random.next() * 5)
    bytes = Buffer.concat(
      way === 0
        ? [head, tail]
        : way === 1
          ? [head, drawn, tail]
          : way === 2
            ? [head, middle, middle, tail]
            : way === 3
              ? [head, marks, middle, tail]
              : [head],
    )
  }
  return random.next() < 0.7 ? bytes.toString('utf8') : new Uint8Array(bytes)
}

function keys(count: number): string {
  return Array.from({ length: count }, (_, i) => `"k${i}":1`).join(',')
}
