/**
 * Many waits behind one timer of the machine: nearly all of ours are taken back long before their time (a dial succeeds,
 * an answer comes), and a timer that the machine sets and takes back costs as much as reading a message.
 *
 * @module
 */

import type { Timers } from "../clock.ts";
import { type Deadline, Deadlines } from "../deadlines.ts";

/** Waits shorter than this, ms, are set as they are: most of those come to their end. */
export const BUNDLED_MS_MIN = 1_000;
/** The longest wait of a machine's timer, ms: one that is longer would end at once. */
const SET_MS_MAX = 2 ** 31 - 1;

/**
 * The same clock, whose longer waits share one timer of `timers`. While nobody waits none is set, so that it keeps no
 * process alive.
 */
export function bundledTimers<T extends Timers>(timers: T): T {
  const bundle = new Bundle(timers);
  const after = (ms: number, action: () => void) =>
    ms < BUNDLED_MS_MIN ? timers.after(ms, action) : bundle.after(ms, action);
  return { ...timers, after };
}

class Bundle {
  readonly #timers: Timers;
  readonly #deadlines = new Deadlines<() => void>();
  /** When the timer that is set comes; it may be too early, as who waited for it has taken that back. */
  #setFor = Infinity;
  #unset: () => void = () => {};

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  after(ms: number, action: () => void): () => void {
    const deadline = this.#deadlines.add(this.#timers.now() + ms, action);
    this.#set();
    return () => this.#takeBack(deadline);
  }

  #takeBack(deadline: Deadline<() => void>): void {
    this.#deadlines.forget(deadline);
    if (this.#deadlines.size > 0) return;
    this.#unset();
    this.#setFor = Infinity;
  }

  #set(): void {
    const at = this.#deadlines.nextAt;
    if (at >= this.#setFor) return;
    this.#unset();
    this.#setFor = at;
    const ms = Math.min(Math.max(0, at - this.#timers.now()), SET_MS_MAX);
    this.#unset = this.#timers.after(ms, () => this.#ring());
  }

  /** All that are due at once: the machine lets 4 ms pass between timers that are set when one comes. */
  #ring(): void {
    this.#setFor = -Infinity; // meanwhile none is set
    const now = this.#timers.now();
    try {
      for (let due = this.#deadlines.takeDue(now); due !== undefined; due = this.#deadlines.takeDue(now)) due();
    } finally { // an action that throws does not keep the others from theirs
      this.#deadlines.skip(() => true);
      this.#setFor = Infinity;
      this.#set();
    }
  }
}
