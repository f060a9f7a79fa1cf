/** Many deadlines behind one timer. @module */

interface Entry<T> {
  readonly at: number;
  readonly value: T;
}

/**
 * A binary heap of deadlines. None is taken out by itself before its time: look, when it is due, whether it still
 * matters. Equal deadlines come out in the order they went in.
 */
export class Deadlines<T> {
  #heap: (Entry<T> & { readonly order: number })[] = [];
  #orders = 0;

  /** How many are held. */
  get size(): number {
    return this.#heap.length;
  }

  /** When the earliest is due; Infinity when there is none. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Infinity;
  }

  /** The earliest value, due or not. */
  get first(): T | undefined {
    return this.#heap[0]?.value;
  }

  /** Holds `value` until `at` (ms). */
  add(at: number, value: T): void {
    const heap = this.#heap, entry = { at, value, order: this.#orders++ };
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >>> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
  }

  /** Takes out the earliest one that is due at `now`, or returns `undefined`. */
  takeDue(now: number): T | undefined {
    const heap = this.#heap, first = heap[0];
    if (first === undefined || first.at > now) return undefined;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    return first.value;
  }

  /** Forgets those that do not matter any more; worth it when they are most of what is held. */
  retain(matters: (value: T) => boolean): void {
    const kept = this.#heap.filter(({ value }) => matters(value)).sort((a, b) => before(a, b) ? -1 : 1);
    this.#heap = kept; // sorted is a heap, too
  }

  #sink(entry: Entry<T> & { readonly order: number }): void {
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

function before(a: { at: number; order: number }, b: { at: number; order: number }): boolean {
  return a.at < b.at || a.at === b.at && a.order < b.order;
}
