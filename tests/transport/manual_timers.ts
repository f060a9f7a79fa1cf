/** A clock that moves when told to. @module */

import type { Timers } from "../../src/base/clock.ts";

/** Virtual time: `run` carries out what is due, in order, and lets promises settle in between. */
export class ManualTimers implements Timers {
  #now = 1_000_000;
  #sequence = 0;
  readonly #due = new Map<number, { at: number; action: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, action: () => void): () => void {
    const id = this.#sequence++;
    this.#due.set(id, { at: this.#now + ms, action });
    return () => void this.#due.delete(id);
  }

  /** How many calls are outstanding. */
  get outstanding(): number {
    return this.#due.size;
  }

  /** Lets `ms` milliseconds pass. */
  async run(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const next = [...this.#due].filter(([, { at }]) => at <= end)
        .sort(([idA, a], [idB, b]) => a.at - b.at || idA - idB)[0];
      if (!next) break;
      this.#due.delete(next[0]);
      this.#now = Math.max(this.#now, next[1].at);
      next[1].action();
    }
    this.#now = end;
  }
}

/** A task of the event loop later all promises that could settle have settled. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
