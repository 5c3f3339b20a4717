/** Ends of pages that are remembered. */
const remembered = 256

/**
 * Where the last messages of pages had their places, so that the next page goes on there, at no cost and also
 * when the message has left. What was asked for longest ago is forgotten first.
 */
export class PagePlaces<Place> {
  readonly #places = new Map<string, Place>()

  /** The place that was noted for a message of a queue. */
  of(queue: string, id: string): Place | undefined {
    return this.#places.get(`${queue} ${id}`)
  }

  /** Notes it; a later note of the same message replaces it. */
  note(queue: string, id: string, place: Place): void {
    this.forget(queue, id)
    this.#places.set(`${queue} ${id}`, place)
    for (const oldest of this.#places.keys()) {
      if (this.#places.size <= remembered) return
      this.#places.delete(oldest)
    }
  }

  /** Drops a note. */
  forget(queue: string, id: string): void {
    this.#places.delete(`${queue} ${id}`)
  }
}
