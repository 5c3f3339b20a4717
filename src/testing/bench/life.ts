/**
 * Whether the owner of something still lives. What belongs to a dead one goes no further: look at
 * `over` in the very step that has an effect (a promise in between would be a gap), and wait for
 * {@link never} where it is.
 */
export class Life {
  #over = false

  get over(): boolean {
    return this.#over
  }

  end(): void {
    this.#over = true
  }
}

/** What somebody waits for who is not there any more. */
export function never<T = void>(): Promise<T> {
  return new Promise(() => {})
}
