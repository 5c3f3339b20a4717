/** Something that is due at a time. */
export interface Due {
  /** Milliseconds since 1970; `Infinity`: never. */
  due: number
  /** Its index in the heap, kept by {@link DueHeap}; -1 outside. */
  place: number
}

/** A binary heap of what is due first. Moving or removing one of 100,000 takes some 17 steps. */
export class DueHeap<T extends Due> {
  readonly #items: T[] = []

  get first(): T | undefined {
    return this.#items[0]
  }

  /** Puts an item in its place, after its `due` was set or changed. */
  put(item: T): void {
    if (item.place < 0) item.place = this.#items.push(item) - 1
    this.#rise(item)
    this.#sink(item)
  }

  /** Takes an item out; nothing happens when it is not in. */
  remove(item: T): void {
    const { place } = item
    if (place < 0) return
    item.place = -1
    const last = this.#items.pop()
    if (last === undefined || last === item) return
    this.#set(last, place)
    this.#rise(last)
    this.#sink(last)
  }

  #rise(item: T): void {
    while (item.place > 0) {
      const parent = this.#items[(item.place - 1) >> 1]
      if (parent === undefined || parent.due <= item.due) return
      this.#swap(item, parent)
    }
  }

  #sink(item: T): void {
    for (;;) {
      const [left, right] = [2 * item.place + 1, 2 * item.place + 2].map((i) => this.#items[i])
      const child = right !== undefined && left !== undefined && right.due < left.due ? right : left
      if (child === undefined || child.due >= item.due) return
      this.#swap(item, child)
    }
  }

  #swap(a: T, b: T): void {
    const { place } = a
    this.#set(a, b.place)
    this.#set(b, place)
  }

  #set(item: T, place: number): void {
    item.place = place
    this.#items[place] = item
  }
}
