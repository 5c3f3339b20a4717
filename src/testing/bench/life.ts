/** Whether the owner of something still lives. What belongs to a dead one goes no further. */
export class Life {
  #over = false

  get over(): boolean {
    return this.#over
  }

  end(): void {
    this.#over = true
  }

  /** Resolves at once while it lasts, and never after its end. */
  checkpoint(): Promise<void> {
    return this.#over ? never() : Promise.resolve()
  }
}

/** What somebody waits for who is not there any more. */
export function never<T = void>(): Promise<T> {
  return new Promise(() => {})
}
