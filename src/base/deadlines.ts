/** Many deadlines behind one timer. @module */

/** One that is held. */
export interface Deadline<T> {
  readonly at: number;
  /** Undefined once it was taken out or forgotten. */
  value: T | undefined;
  readonly order: number;
}

/** So many forgotten ones keep their places in the heap, beside as many as are held. */
export const FORGOTTEN_MIN = 256;

/**
 * A binary heap of deadlines. None is taken out by itself before its time: look, when it is due, whether it still
 * matters, or `forget` it when it does not any more. Equal deadlines come out in the order they went in.
 */
export class Deadlines<T> {
  #heap: Deadline<T>[] = [];
  #orders = 0;
  #forgotten = 0;
  /** Kept beside the heap: it is asked for far more often than it changes. */
  #nextAt = Infinity;

  /** How many are held. */
  get size(): number {
    return this.#heap.length - this.#forgotten;
  }

  /** How many there is memory for: those held, and as many forgotten ones, or `FORGOTTEN_MIN`. */
  get places(): number {
    return this.#heap.length;
  }

  /** When the earliest is due, be it forgotten; Infinity when there is none. */
  get nextAt(): number {
    return this.#nextAt;
  }

  /** The earliest value, due or not; undefined also where that is forgotten. */
  get first(): T | undefined {
    return this.#heap[0]?.value;
  }

  /** Holds `value` until `at` (ms), or until what this returns is forgotten. */
  add(at: number, value: T): Deadline<T> {
    const heap = this.#heap, entry: Deadline<T> = { at, value, order: this.#orders++ };
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >>> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
    if (i === 0) this.#nextAt = at;
    return entry;
  }

  /** Lets go of a value at once: what a deadline keeps alive costs each garbage collection until it is due. */
  forget(entry: Deadline<T>): void {
    if (entry.value === undefined) return;
    entry.value = undefined;
    if (++this.#forgotten > FORGOTTEN_MIN && 2 * this.#forgotten > this.#heap.length) this.retain(() => true);
  }

  /** Takes out the earliest one that is due at `now`, or returns `undefined`. */
  takeDue(now: number): T | undefined {
    while (this.#nextAt <= now) {
      const first = this.#takeFirst(), { value } = first;
      first.value = undefined;
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** Forgets the earliest ones up to the first that still matters: no timer need be set for them. */
  skip(matters: (value: T) => boolean): void {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.value !== undefined && matters(first.value)) return;
      this.#takeFirst().value = undefined;
    }
  }

  /** Forgets those that do not matter any more; worth it when they are most of what is held. */
  retain(matters: (value: T) => boolean): void {
    const kept = this.#heap.filter((entry) => {
      const stays = entry.value !== undefined && matters(entry.value);
      if (!stays) entry.value = undefined; // to forget it from now on is nothing any more
      return stays;
    });
    this.#heap = kept.sort((a, b) => before(a, b) ? -1 : 1); // sorted is a heap, too
    this.#forgotten = 0;
    this.#nextAt = kept[0]?.at ?? Infinity;
  }

  #takeFirst(): Deadline<T> {
    const heap = this.#heap, first = heap[0]!, last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    this.#nextAt = heap[0]?.at ?? Infinity;
    if (first.value === undefined) this.#forgotten--;
    return first;
  }

  #sink(entry: Deadline<T>): void {
    const heap = this.#heap;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, entry)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = entry;
  }
}

function before(a: Deadline<unknown>, b: Deadline<unknown>): boolean {
  return a.at < b.at || a.at === b.at && a.order < b.order;
}
