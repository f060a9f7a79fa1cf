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
  /** Kept beside the heap: it is asked for far more often than it changes. */
  #nextAt = Infinity;

  /** How many are held. */
  get size(): number {
    return this.#heap.length;
  }

  /** When the earliest is due; Infinity when there is none. */
  get nextAt(): number {
    return this.#nextAt;
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
    if (i === 0) this.#nextAt = at;
  }

  /** Takes out the earliest one that is due at `now`, or returns `undefined`. */
  takeDue(now: number): T | undefined {
    if (!(this.#nextAt <= now)) return undefined;
    const first = this.#heap[0];
    if (first === undefined) return undefined;
    this.#takeFirst();
    return first.value;
  }

  /** Forgets the earliest ones up to the first that still matters: no timer need be set for them. */
  skip(matters: (value: T) => boolean): void {
    while (this.#heap.length > 0 && !matters(this.#heap[0]!.value)) this.#takeFirst();
  }

  /** Forgets those that do not matter any more; worth it when they are most of what is held. */
  retain(matters: (value: T) => boolean): void {
    const kept = this.#heap.filter(({ value }) => matters(value)).sort((a, b) => before(a, b) ? -1 : 1);
    this.#heap = kept; // sorted is a heap, too
    this.#nextAt = kept[0]?.at ?? Infinity;
  }

  #takeFirst(): void {
    const heap = this.#heap, last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    this.#nextAt = heap[0]?.at ?? Infinity;
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
