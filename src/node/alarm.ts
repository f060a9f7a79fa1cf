/** All timers of a node behind one of the runtime's. @module */

import type { Timers } from "../base/clock.ts";
import { Deadlines } from "../base/deadlines.ts";

/** Rings when something is due. */
export class Alarm<T> {
  readonly #timers: Timers;
  readonly #ring: (due: T) => void;
  readonly #deadlines = new Deadlines<T>();
  #at = Infinity;
  #cancel: () => void = () => {};

  /** `ring` is called for each thing that is due, in order. */
  constructor(timers: Timers, ring: (due: T) => void) {
    this.#timers = timers;
    this.#ring = ring;
  }

  /** Rings for `value` in `afterMs`. */
  add(afterMs: number, value: T): void {
    this.#deadlines.add(this.#timers.now() + afterMs, value);
    this.#arm();
  }

  /** Rings no more. */
  close(): void {
    this.#cancel();
    this.#at = -Infinity; // none is armed from now on
  }

  #arm(): void {
    const at = this.#deadlines.nextAt;
    if (at >= this.#at) return;
    this.#cancel();
    this.#at = at;
    this.#cancel = this.#timers.after(Math.max(0, at - this.#timers.now()), () => {
      this.#at = Infinity;
      const now = this.#timers.now();
      for (let due = this.#deadlines.takeDue(now); due !== undefined; due = this.#deadlines.takeDue(now)) {
        this.#ring(due);
      }
      this.#arm();
    });
  }
}
