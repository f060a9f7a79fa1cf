/**
 * What is yet to happen, ordered by time and, at one time, by the order in which it was entered.
 *
 * Every node has timers that are a minute off, and messages that are a few ms off: what is later than the current span
 * of time waits in a list of its own span, so that the heap stays small enough for the cache.
 *
 * @module
 */

/** Children of an entry: four are in one cache line, and the heap is half as deep as a binary one. */
const WIDTH = 4;
/** How long a span is, ms; a guess: many times what a message takes, and a part of what most timers do. */
const SPAN_MS = 1_000;

interface Entry<T> {
  readonly at: number;
  readonly order: number;
  readonly value: T;
}

/** Happenings by time. */
export class Agenda<T> {
  readonly #heap = new Heap<T>();
  /** What is later than the heap's span, by span, in the order in which it was entered. */
  readonly #later = new Map<number, Entry<T>[]>();
  /** The spans that something waits in. */
  readonly #spans = new Heap<number>();
  /** What is before is in the heap. */
  #until = -Infinity;
  #size = 0;
  #entered = 0;

  /** How many are to come. */
  get size(): number {
    return this.#size;
  }

  /** When the next one is due; Infinity when there is none. */
  get nextAt(): number {
    return this.#heap.nextAt;
  }

  /** Enters `value` for the time `at`. */
  add(at: number, value: T): void {
    const order = this.#entered++;
    this.#size++;
    if (at < this.#until) return this.#heap.add(at, order, value);
    const span = Math.floor(at / SPAN_MS), list = this.#later.get(span);
    if (list !== undefined) list.push({ at, order, value });
    else {
      this.#later.set(span, [{ at, order, value }]);
      this.#spans.add(span, span, span);
    }
    if (this.#heap.size === 0) this.#nextSpan();
  }

  /** Takes out the next one; undefined when there is none. */
  take(): T | undefined {
    const first = this.#heap.take();
    if (first === undefined) return undefined;
    this.#size--;
    if (this.#heap.size === 0) this.#nextSpan();
    return first;
  }

  /** The heap is empty: what comes next moves there. */
  #nextSpan(): void {
    const span = this.#spans.take();
    if (span === undefined) return;
    for (const { at, order, value } of this.#later.get(span)!) this.#heap.add(at, order, value);
    this.#later.delete(span);
    this.#until = (span + 1) * SPAN_MS;
  }
}

/** Parallel lists, so that comparing does not touch what is compared. */
class Heap<T> {
  readonly #times: number[] = [];
  readonly #orders: number[] = [];
  readonly #values: T[] = [];

  get size(): number {
    return this.#times.length;
  }

  get nextAt(): number {
    return this.#times.length === 0 ? Infinity : this.#times[0]!;
  }

  add(at: number, order: number, value: T): void {
    const times = this.#times, orders = this.#orders, values = this.#values;
    let i = times.length;
    times.push(at);
    orders.push(order);
    values.push(value);
    while (i > 0) {
      const parent = (i - 1) / WIDTH | 0;
      if (times[parent]! < at || times[parent] === at && orders[parent]! < order) break;
      times[i] = times[parent]!;
      orders[i] = orders[parent]!;
      values[i] = values[parent]!;
      i = parent;
    }
    times[i] = at;
    orders[i] = order;
    values[i] = value;
  }

  take(): T | undefined {
    const times = this.#times, orders = this.#orders, values = this.#values;
    if (times.length === 0) return undefined;
    const first = values[0]!, at = times.pop()!, order = orders.pop()!, value = values.pop()!;
    if (times.length > 0) this.#sink(at, order, value);
    return first;
  }

  #sink(at: number, order: number, value: T): void {
    const times = this.#times, orders = this.#orders, values = this.#values, length = times.length;
    let i = 0;
    for (let child = 1; child < length; child = WIDTH * i + 1) {
      let least = child, time = times[child]!;
      for (let other = child + 1, end = Math.min(child + WIDTH, length); other < end; other++) {
        const its = times[other]!;
        if (its > time || its === time && orders[other]! > orders[least]!) continue;
        least = other;
        time = its;
      }
      if (time > at || time === at && orders[least]! > order) break;
      times[i] = time;
      orders[i] = orders[least]!;
      values[i] = values[least]!;
      i = least;
    }
    times[i] = at;
    orders[i] = order;
    values[i] = value;
  }
}
