/** Thrown by a task of ours that has nothing to do yet: its message comes back after `delay` milliseconds and uses up no retry. */
export class PostponedError extends Error {
  readonly delay: number

  constructor(delay: number) {
    super(`there is nothing to do yet: again in ${delay} ms`)
    this.name = 'PostponedError'
    this.delay = delay
  }
}
