import type { Delivery } from '../core/delivery.ts'

/** Milliseconds that a message which was fetched ahead may be expected to wait for its slot. */
const longestWait = 20
/** How much one run says about the next. */
const weight = 0.05

/**
 * Who runs next: deliveries in the order of their claim, but at most one suspect at a time. A
 * suspect lost its last lease, so it may be what kills its worker: if it runs beside no other
 * suspect, the next crash is blamed on the right one.
 *
 * A slot is taken while a handler runs; what has ended and is on its way into the store takes none, so
 * that the next is claimed in the same step. Once the store takes nothing any more, it does count: no
 * more than twice the slots and the prefetch are ever in our hands.
 *
 * As many are fetched ahead as will have their turn soon, by the mean time of a run: where tasks are long,
 * messages are left to others who may have a free slot.
 */
export class Slots {
  #concurrency: number
  #prefetch: number
  /** Those before the head have started and are no longer in it. */
  #ready: (Delivery | undefined)[] = []
  #head = 0
  readonly #suspects: Delivery[] = []
  #running = 0
  #settling = 0
  #reserved = 0
  #suspectRunning = false
  #stuck = false
  /** Milliseconds of a run: an average in which the last ones weigh most. */
  #mean = 0

  constructor(concurrency: number, prefetch: number) {
    this.#concurrency = concurrency
    this.#prefetch = prefetch
  }

  get concurrency(): number {
    return this.#concurrency
  }

  get prefetch(): number {
    return this.#prefetch
  }

  /** Other sizes from now on: what is beyond a smaller one may end. */
  resize(concurrency: number, prefetch: number): void {
    this.#concurrency = concurrency
    this.#prefetch = prefetch
  }

  get running(): number {
    return this.#running
  }

  get settling(): number {
    return this.#settling
  }

  get waiting(): number {
    return this.#ready.length - this.#head + this.#suspects.length
  }

  /**
   * Messages that may be claimed now. While some wait, small fetches are put off until they are worth a
   * call; and one fetch takes half of all at most, so that the store claims the next half while the last
   * one runs.
   */
  room(): number {
    const ahead = this.#ahead()
    const capacity = this.concurrency + ahead
    const ending = this.#stuck ? this.#settling : Math.max(0, this.#settling - capacity)
    const free = capacity - this.#running - this.#reserved - this.waiting - ending
    if (this.waiting > 0 && free < Math.max(1, ahead / 2)) return 0
    return ahead === 0 ? free : Math.min(free, Math.ceil(capacity / 2))
  }

  /** Milliseconds after which a slot should have come free. */
  get overrunAfter(): number {
    return Math.max(1000, 4 * this.#mean)
  }

  /** So long a run took, or has taken until now. */
  took(ms: number): void {
    this.#mean += (ms - this.#mean) * weight
  }

  /** No slot came free for so long: nothing is fetched ahead until runs are shorter. */
  overran(ms: number): void {
    this.#mean = Math.max(this.#mean, ms)
  }

  /** Messages that may be fetched beyond the slots. */
  #ahead(): number {
    if (this.#mean === 0) return this.prefetch
    return Math.min(this.prefetch, Math.floor((longestWait * this.concurrency) / this.#mean))
  }

  /** Suspects that may be claimed now: never one that would only wait beside another. */
  suspectRoom(): number {
    return this.#suspectRunning || this.#suspects.length > 0 ? 0 : 1
  }

  add(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      if (delivery.redeliveries > 0) this.#suspects.push(delivery)
      else this.#ready.push(delivery)
    }
  }

  /** The next delivery that may start, which takes a slot; `undefined` when none may. */
  next(): Delivery | undefined {
    if (this.#running + this.#reserved >= this.concurrency) return undefined
    const delivery = this.#suspectRunning ? undefined : this.#suspects.shift()
    if (delivery !== undefined) {
      this.#suspectRunning = true
      this.#running++
      return delivery
    }
    if (this.#head >= this.#ready.length) return undefined
    const first = this.#ready[this.#head]
    this.#ready[this.#head++] = undefined
    // Cutting the list now and then costs less than shifting it each time.
    if (this.#head > 1024 || this.#head === this.#ready.length) {
      this.#ready = this.#ready.slice(this.#head)
      this.#head = 0
    }
    if (first !== undefined) this.#running++
    return first
  }

  /** Its handler has ended: the slot is free for another while the store is told. */
  ended(): void {
    this.#running--
    this.#settling++
  }

  /** Keeps a free slot for what a settle may claim; false where somebody waits for one. */
  reserve(): boolean {
    if (this.waiting > 0 || this.#stuck) return false
    if (this.#running + this.#reserved >= this.concurrency) return false
    this.#reserved++
    return true
  }

  /** So many that were kept are free. */
  unreserve(count: number): void {
    this.#reserved -= count
  }

  /** The store has refused something: until it takes the next end, nothing is claimed for those that wait for it. */
  storeFailed(): void {
    this.#stuck = true
  }

  /** It is out of our hands. */
  settled(delivery: Delivery): void {
    this.#stuck = false
    this.#settling--
    if (delivery.redeliveries > 0) this.#suspectRunning = false
  }

  /** What has not started of one message. */
  waitingFor(id: string): readonly Delivery[] {
    return [...this.#suspects, ...this.#waiting()].filter((one) => one.id === id)
  }

  /** Takes out what has not started of these queues. */
  drainQueues(queues: ReadonlySet<string>): readonly Delivery[] {
    const out = [...this.#suspects, ...this.#waiting()].filter(({ queue }) => queues.has(queue))
    for (const { token } of out) this.remove(token)
    return out
  }

  /** Takes out what has not started. */
  drain(): readonly Delivery[] {
    const rest = [...this.#suspects.splice(0), ...this.#waiting()]
    this.#ready = []
    this.#head = 0
    return rest
  }

  /** Takes out a delivery that has not started (its lease was lost, it was cancelled). */
  remove(token: Delivery['token']): Delivery | undefined {
    for (const list of [this.#suspects, this.#ready]) {
      const place = list.findIndex((one) => one?.token === token)
      if (place >= 0) return list.splice(place, 1)[0]
    }
    return undefined
  }

  #waiting(): Delivery[] {
    return this.#ready.filter((one) => one !== undefined)
  }
}
