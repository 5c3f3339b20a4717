/** Every anomaly planted in a sound story is found, and nothing else; sound stories are found sound. */
import { describe, expect, it } from 'vitest'
import { anomalies, check, type Anomaly, type FinalState } from '../../faults/checker.ts'
import type { Entry, Fact } from '../../faults/worker/ledger.ts'

/** Facts in the order of time, a millisecond apart, each of the process that is named before it. */
class Story {
  readonly entries: Entry[] = []
  readonly finals = new Map<string, FinalState>()
  #at = 0
  #pid = 1

  by(pid: number): this {
    this.#pid = pid
    return this
  }

  pass(ms: number): this {
    this.#at += ms * 1000
    return this
  }

  tell(...facts: readonly Fact[]): this {
    for (const fact of facts) {
      this.#at += 1000
      this.entries.push({ ...fact, at: this.#at, pid: this.#pid })
    }
    return this
  }

  sent(id: string, more: Partial<Extract<Fact, { kind: 'attempt' }>> = {}): this {
    return this.by(0).tell({ kind: 'attempt', id, ...more }, { kind: 'ack', id, known: false })
  }

  claimed(id: string, token: string, { retries = 0, redeliveries = 0 } = {}): this {
    return this.tell({ kind: 'claim', id, token, retries, redeliveries })
  }

  ran(id: string, run: string): this {
    return this.tell({ kind: 'start', id, run }, { kind: 'end', id, run, how: 'ok' })
  }

  settled(id: string, token: string, { outcome = 'succeeded', status = 'settled' } = {}): this {
    return this.tell(
      { kind: 'settle', id, token, outcome },
      { kind: 'settled', id, token, outcome, status },
    )
  }

  killed(target: number): this {
    return this.by(0).tell(
      { kind: 'fault', fault: 'kill', target },
      { kind: 'gone', target, how: 'SIGKILL' },
    )
  }

  finally(id: string, state: FinalState): this {
    this.finals.set(id, state)
    return this
  }

  /** The whole life of a message that nothing happened to. */
  whole(id: string, pid = 1): this {
    return this.sent(id)
      .by(pid)
      .claimed(id, `c-${id}`)
      .ran(id, `r-${id}`)
      .settled(id, `c-${id}`)
      .finally(id, { status: 'succeeded', run: `r-${id}` })
  }

  judge(limits?: Readonly<Record<string, number>>) {
    return check({ entries: this.entries, finals: this.finals, limits })
  }
}

/** Only this anomaly, and only of these ids. */
function expectOnly(story: Story, anomaly: Anomaly, ids: readonly string[], limits = {}): void {
  const verdict = story.judge(limits)
  for (const name of anomalies)
    expect([name, verdict[name]]).toEqual([name, name === anomaly ? ids : []])
}

function expectSound(story: Story): ReturnType<Story['judge']> {
  const verdict = story.judge()
  for (const name of anomalies) expect([name, verdict[name]]).toEqual([name, []])
  return verdict
}

describe('sound stories', () => {
  it('a message that is sent, run and settled', () => {
    expect(expectSound(new Story().whole('a'))).toMatchObject({
      attempted: 1,
      acknowledged: 1,
      succeeded: 1,
      duplicates: 0,
    })
  })

  it('a holder dies, another runs it: a duplicate if the first had ended, and a recovery time', () => {
    const story = new Story().sent('a').by(1).claimed('a', '1').ran('a', 'r1').killed(1)
    story.pass(500).by(2).claimed('a', '2', { redeliveries: 1 }).ran('a', 'r2').settled('a', '2')
    story.finally('a', { status: 'succeeded', run: 'r2' })
    expect(expectSound(story)).toMatchObject({
      duplicates: 1,
      inFlight: 1,
      kills: 1,
      recovery: { count: 1, max: 501 },
    })
  })

  it('a stopped holder goes on beside the next one, and its settle is refused', () => {
    const story = new Story().sent('a').by(1).claimed('a', '1')
    story.tell({ kind: 'start', id: 'a', run: 'r1' })
    story.by(0).tell({ kind: 'fault', fault: 'stop', target: 1 })
    story.by(2).claimed('a', '2', { redeliveries: 1 }).tell({ kind: 'start', id: 'a', run: 'r2' })
    story.by(0).tell({ kind: 'healed', fault: 'stop', target: 1 })
    story.by(1).tell({ kind: 'end', id: 'a', run: 'r1', how: 'ok' })
    story.settled('a', '1', { status: 'taken' })
    story.by(2).tell({ kind: 'end', id: 'a', run: 'r2', how: 'ok' }).settled('a', '2')
    story.finally('a', { status: 'succeeded', run: 'r2' })
    expect(expectSound(story)).toMatchObject({ shadows: 1, duplicates: 1 })
  })

  it('a claim that is written down after a later one, because its process was stopped', () => {
    const story = new Story().sent('a')
    story.by(0).tell({ kind: 'fault', fault: 'stop', target: 1 })
    story.by(2).claimed('a', '2', { redeliveries: 1 })
    story.by(0).tell({ kind: 'healed', fault: 'stop', target: 1 })
    story.by(1).claimed('a', '1')
    story.by(2).ran('a', 'r2').settled('a', '2')
    story.by(1).tell({ kind: 'lost', id: 'a', token: '1' })
    expectSound(story.finally('a', { status: 'succeeded', run: 'r2' }))
  })

  it('a claim and a run that come late, because the process was stopped in between', () => {
    const story = new Story().sent('a').by(0).tell({ kind: 'fault', fault: 'stop', target: 1 })
    story.by(2).claimed('a', '2', { redeliveries: 1 })
    story.tell({ kind: 'start', id: 'a', run: 'r2' })
    story.by(0).tell({ kind: 'healed', fault: 'stop', target: 1 })
    story.by(1).claimed('a', '1').tell({ kind: 'start', id: 'a', run: 'r1' })
    story.by(2).tell({ kind: 'end', id: 'a', run: 'r2', how: 'ok' }).settled('a', '2')
    story.by(1).tell({ kind: 'end', id: 'a', run: 'r1', how: 'ok' })
    story.settled('a', '1', { status: 'gone' })
    story.finally('a', { status: 'succeeded', run: 'r2' })
    expect(expectSound(story)).toMatchObject({ shadows: 1 })
  })

  it('a run that is stuck when its end is settled, and the run that follows', () => {
    const story = new Story().sent('a').by(1).claimed('a', '1')
    story.tell({ kind: 'start', id: 'a', run: 'r1' })
    story.tell({ kind: 'settle', id: 'a', token: '1', outcome: 'retry' })
    story.by(2).claimed('a', '2', { retries: 1 }).ran('a', 'r2').settled('a', '2')
    story.by(1).tell({ kind: 'settled', id: 'a', token: '1', outcome: 'retry', status: 'settled' })
    expectSound(story.finally('a', { status: 'succeeded', run: 'r2' }))
  })

  it('a settle whose answer was lost, asked again', () => {
    const story = new Story().sent('a').by(1).claimed('a', '1').ran('a', 'r1')
    story.tell({ kind: 'settle', id: 'a', token: '1', outcome: 'succeeded' })
    story.settled('a', '1', { status: 'gone' })
    expectSound(story.finally('a', { status: 'succeeded', run: 'r1' }))
  })

  it('a failure, its retry, and a message that was given back', () => {
    const story = new Story().sent('a').by(1).claimed('a', '1')
    story.tell(
      { kind: 'start', id: 'a', run: 'r1' },
      { kind: 'end', id: 'a', run: 'r1', how: 'failed' },
    )
    story.settled('a', '1', { outcome: 'retry' })
    story.by(2).claimed('a', '2', { retries: 1 })
    story.tell({ kind: 'released', id: 'a', token: '2', status: 'settled' })
    story.by(1).claimed('a', '3', { retries: 1 }).ran('a', 'r3').settled('a', '3')
    expectSound(story.finally('a', { status: 'succeeded', run: 'r3' }))
  })

  it('a send that was not answered: found done, or nowhere', () => {
    const story = new Story().by(0).tell({ kind: 'attempt', id: 'a' }, { kind: 'attempt', id: 'b' })
    story.by(1).claimed('a', '1').ran('a', 'r1').settled('a', '1')
    story.finally('a', { status: 'succeeded', run: 'r1' }).finally('b', { status: null })
    expect(expectSound(story)).toMatchObject({ unknown: 2, recovered: 1 })
  })

  it('a dead letter is an end', () => {
    const story = new Story().sent('a').by(1).claimed('a', '1', { redeliveries: 4 })
    story.settled('a', '1', { outcome: 'poison' })
    story.finally('a', { status: 'dead', reason: 'poison' })
    expect(expectSound(story).dead).toEqual({ poison: 1 })
  })

  it('a set whose callback came when all were done', () => {
    const story = new Story()
    for (const id of ['g.0', 'g.1']) {
      story.sent(id, { group: 'g' }).by(1).claimed(id, id).tell({ kind: 'start', id, run: id })
      story.tell({ kind: 'member', id, group: 'g' }, { kind: 'end', id, run: id, how: 'ok' })
      story.settled(id, id).finally(id, { status: 'succeeded', run: id })
    }
    story.sent('g.done', { joins: 'g' }).by(1).claimed('g.done', '9').ran('g.done', 'r9')
    story.settled('g.done', '9').finally('g.done', { status: 'succeeded', run: 'r9' })
    expectSound(story)
  })
})

describe('planted anomalies', () => {
  it('lost: acknowledged, and nowhere', () => {
    const story = new Story().whole('b').sent('a').finally('a', { status: null })
    expectOnly(story, 'lost', ['a'])
  })

  it('lost: still waiting when everything has drained', () => {
    const story = new Story().sent('a').by(1).claimed('a', '1').killed(1)
    expectOnly(story.finally('a', { status: 'running' }), 'lost', ['a'])
  })

  it('lost: nobody was told that it is stored, but it was claimed', () => {
    const story = new Story().by(0).tell({ kind: 'attempt', id: 'a' }).by(1).claimed('a', '1')
    expectOnly(story.killed(1).finally('a', { status: null }), 'lost', ['a'])
  })

  it('lost: a result of a run that did not end well', () => {
    const story = new Story().whole('a').finally('a', { status: 'succeeded', run: 'r-other' })
    expectOnly(story, 'lost', ['a'])
  })

  it('lost: a set that is done and was never called back', () => {
    const story = new Story().sent('g.0', { group: 'g' }).by(1).claimed('g.0', '1').ran('g.0', 'r')
    story.settled('g.0', '1').finally('g.0', { status: 'succeeded', run: 'r' })
    expectOnly(story, 'lost', ['g'])
  })

  it('phantom: it ran, and nobody has sent it', () => {
    const story = new Story().by(1).claimed('a', '1').ran('a', 'r1').settled('a', '1')
    expectOnly(story.finally('a', { status: 'succeeded', run: 'r1' }), 'phantom', ['a'])
  })

  it('settled twice, by two claims', () => {
    const story = new Story().sent('a').by(1).claimed('a', '1').ran('a', 'r1')
    story.killed(1).by(2).claimed('a', '2', { redeliveries: 1 }).ran('a', 'r2').settled('a', '2')
    story.finally('a', { status: 'succeeded', run: 'r2' })
    story.entries.push(
      {
        kind: 'settled',
        id: 'a',
        token: '1',
        outcome: 'succeeded',
        status: 'settled',
        at: 4500,
        pid: 1,
      },
      { kind: 'settle', id: 'a', token: '1', outcome: 'succeeded', at: 4400, pid: 1 },
    )
    story.entries.sort((x, y) => x.at - y.at)
    const verdict = story.judge()
    expect(verdict.doubleSettled).toEqual(['a'])
    expect(verdict.runAfterEnd).toEqual(['a'])
  })

  it('a stale settle: accepted although a later claim existed', () => {
    const story = new Story().sent('a').by(1).claimed('a', '1').killed(3)
    story.tell({ kind: 'fault', fault: 'stop', target: 1 })
    story.by(2).claimed('a', '2', { redeliveries: 1 })
    story.by(1).ran('a', 'r1').settled('a', '1')
    story.by(2).settled('a', '2', { status: 'gone' })
    expectOnly(story.finally('a', { status: 'succeeded', run: 'r1' }), 'staleSettles', ['a'])
  })

  it('a stale result: of a run whose settle was refused', () => {
    const story = new Story().sent('a').by(1).claimed('a', '1').ran('a', 'r1').killed(3)
    story.by(2).claimed('a', '2', { redeliveries: 1 }).ran('a', 'r2').settled('a', '2')
    story.by(1).settled('a', '1', { status: 'taken' })
    expectOnly(story.finally('a', { status: 'succeeded', run: 'r1' }), 'staleSettles', ['a'])
  })

  it('a run after the acknowledged end', () => {
    const story = new Story().whole('a').by(2).claimed('a', '9', { redeliveries: 1 })
    expectOnly(story, 'runAfterEnd', ['a'])
  })

  it('an overlap: two runs under two claims, and nothing hindered the first', () => {
    const story = new Story().sent('a').by(1).claimed('a', '1')
    story.tell({ kind: 'start', id: 'a', run: 'r1' })
    story.by(2).claimed('a', '2', { redeliveries: 1 }).ran('a', 'r2').settled('a', '2')
    story
      .by(1)
      .tell({ kind: 'end', id: 'a', run: 'r1', how: 'ok' })
      .settled('a', '1', { status: 'gone' })
    expectOnly(story.finally('a', { status: 'succeeded', run: 'r2' }), 'overlaps', ['a'])
  })

  it('disorder: a later one of a key succeeds before an earlier one', () => {
    const story = new Story()
    story.sent('a', { key: 'k', seq: 1 }).sent('b', { key: 'k', seq: 2 })
    story.sent('c', { key: 'other', seq: 0 })
    for (const id of ['b', 'a', 'c']) {
      story.by(1).claimed(id, id).ran(id, `r-${id}`).settled(id, id)
      story.finally(id, { status: 'succeeded', run: `r-${id}` })
    }
    expectOnly(story, 'disorder', ['b'])
  })

  it('an overshoot: more runs at once than the limit', () => {
    const story = new Story()
    for (const id of ['a', 'b', 'c']) {
      story.sent(id).by(1).claimed(id, id).tell({ kind: 'start', id, run: id, limit: 'api' })
    }
    for (const id of ['a', 'b', 'c']) {
      story.by(1).tell({ kind: 'end', id, run: id, how: 'ok' }).settled(id, id)
      story.finally(id, { status: 'succeeded', run: id })
    }
    expectOnly(story, 'overshoot', ['c'], { api: 2 })
  })

  it('a callback before all of its set are done', () => {
    const story = new Story()
    for (const id of ['g.0', 'g.1']) story.sent(id, { group: 'g' })
    story.by(1).claimed('g.0', '1').tell({ kind: 'member', id: 'g.0', group: 'g' })
    story.ran('g.0', 'r0').settled('g.0', '1').finally('g.0', { status: 'succeeded', run: 'r0' })
    story.sent('g.done', { joins: 'g' }).by(1).claimed('g.done', '2').ran('g.done', 'r9')
    story.settled('g.done', '2').finally('g.done', { status: 'succeeded', run: 'r9' })
    story.by(1).claimed('g.1', '3').tell({ kind: 'member', id: 'g.1', group: 'g' })
    story.ran('g.1', 'r1').settled('g.1', '3').finally('g.1', { status: 'succeeded', run: 'r1' })
    expectOnly(story, 'premature', ['g.done'])
  })
})
