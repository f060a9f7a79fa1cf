/**
 * Slowing down for a moment: when a queue that we fill is too long, reading pauses until it is shorter, at most 10 ms.
 * For a queue that has not moved meanwhile there is no further pause before it does. So a fast writer is held back
 * to the pace of a reader that keeps up, and one that does not costs the others nothing: only the event loop has a turn
 * now and then, as without one nothing that waits to be written could move.
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
/** So often something is put into queues that stood still before the event loop has a turn: half a millisecond of work. */
export const MARKS_PER_TURN = 256;

/** Decides how long to pause. */
export class Relief {
  readonly #timers: Timers;
  /** Those to wait for, and how far they were when they were put here. */
  readonly #sources = new Map<Congestible, number>();
  /** How far those had come that were not shorter after a pause. */
  readonly #stalledAt = new WeakMap<Congestible, number>();
  /** How often one that stood still was marked since the last turn. */
  #marks = 0;
  #pause: Promise<void> | undefined;
  #resume: (() => void) | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** We put something into `source`, and it is too full. */
  mark(source: Congestible): void {
    if (this.#sources.has(source)) return;
    if (this.#stalledAt.get(source) === source.progress) this.#marks++;
    else this.#sources.set(source, source.progress);
  }

  /** `source` is short enough again. */
  drained(source: Congestible): void {
    if (this.#sources.delete(source) && this.#sources.size === 0) this.#resume?.();
  }

  /** A promise to wait for before more is put in, or undefined. */
  pause(): Promise<void> | undefined {
    if (this.#sources.size === 0) {
      if (this.#marks < MARKS_PER_TURN) return undefined;
      this.#marks = 0;
      return this.#timers.turn?.();
    }
    return this.#pause ??= new Promise((resolve) => {
      const done = () => {
        cancel();
        this.#pause = this.#resume = undefined;
        resolve();
      };
      const cancel = this.#timers.after(PAUSE_MS, () => {
        for (const [source, before] of this.#sources) {
          if (source.congested && source.progress === before) this.#stalledAt.set(source, before);
        }
        this.#sources.clear();
        done();
      });
      this.#resume = done;
    });
  }
}
