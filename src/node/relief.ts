/**
 * Slowing down for a moment: when a queue that we fill is too long, reading pauses until it is shorter, at most 10 ms,
 * and not again for the same queue before it has moved on. So a fast writer is held back to the pace of a reader that
 * keeps up, and one that does not costs the others nothing.
 *
 * @module
 */

import type { Timers } from "../base/clock.ts";

/** Something that may be too full. */
export interface Congestible {
  /** Whether it is too full now. */
  readonly congested: boolean;
  /** Grows as it empties. */
  readonly progress: number;
}

/** Longest pause for one queue. */
export const PAUSE_MS = 10;

/** Decides how long to pause. */
export class Relief {
  readonly #timers: Timers;
  readonly #sources = new Set<Congestible>();
  /** How far those had come that were not shorter after a pause. */
  readonly #stalledAt = new WeakMap<Congestible, number>();
  #pause: Promise<void> | undefined;
  #resume: (() => void) | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** We put something into `source`, and it is too full. */
  mark(source: Congestible): void {
    if (this.#stalledAt.get(source) !== source.progress) this.#sources.add(source);
  }

  /** `source` is short enough again. */
  drained(source: Congestible): void {
    if (this.#sources.delete(source) && this.#sources.size === 0) this.#resume?.();
  }

  /** A promise to wait for before more is put in, or undefined. */
  pause(): Promise<void> | undefined {
    if (this.#sources.size === 0) return undefined;
    return this.#pause ??= new Promise((resolve) => {
      const done = () => {
        cancel();
        this.#pause = this.#resume = undefined;
        resolve();
      };
      const cancel = this.#timers.after(PAUSE_MS, () => {
        for (const source of this.#sources) if (source.congested) this.#stalledAt.set(source, source.progress);
        this.#sources.clear();
        done();
      });
      this.#resume = done;
    });
  }
}
