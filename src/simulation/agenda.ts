/** What is yet to happen, ordered by time and, at one time, by the order in which it was entered. @module */

/** Children of an entry: four are in one cache line, and the heap is half as deep as a binary one. */
const WIDTH = 4;

/** A heap of happenings; parallel lists, so that comparing does not touch what is compared. */
export class Agenda<T> {
  readonly #times: number[] = [];
  readonly #orders: number[] = [];
  readonly #values: T[] = [];
  #entered = 0;

  /** How many are to come. */
  get size(): number {
    return this.#times.length;
  }

  /** When the next one is due; Infinity when there is none. */
  get nextAt(): number {
    return this.#times.length === 0 ? Infinity : this.#times[0]!;
  }

  /** Enters `value` for the time `at`. */
  add(at: number, value: T): void {
    const times = this.#times, orders = this.#orders, values = this.#values, order = this.#entered++;
    let i = times.length;
    times.push(at);
    orders.push(order);
    values.push(value);
    while (i > 0) {
      const parent = (i - 1) / WIDTH | 0;
      if (times[parent]! <= at) break; // its order is the higher one
      times[i] = times[parent]!;
      orders[i] = orders[parent]!;
      values[i] = values[parent]!;
      i = parent;
    }
    times[i] = at;
    orders[i] = order;
    values[i] = value;
  }

  /** Takes out the next one; undefined when there is none. */
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
