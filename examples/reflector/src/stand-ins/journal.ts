/** A request that a stand-in was asked. */
export interface Visit {
  /** 1 for the first; the order of arrival. */
  readonly number: number
  readonly service: string
  readonly method: string
  /** Below the service, with the query: `/v1/audio?x=1`. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Text as it came; of anything else only its size is kept. */
  readonly body: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** What was answered; 0 while it is being answered, and for one that was cut off. */
  status: number
}

/** Every request to the stand-ins, in order: what a test counts. */
export class Journal {
  readonly visits: Visit[] = []

  add(visit: Omit<Visit, 'number' | 'status'>): Visit {
    const added = { ...visit, number: this.visits.length + 1, status: 0 }
    this.visits.push(added)
    return added
  }

  of(service: string, path = ''): Visit[] {
    return this.visits.filter((visit) => visit.service === service && visit.path.includes(path))
  }

  clear(): void {
    this.visits.length = 0
  }
}
