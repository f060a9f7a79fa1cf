/**
 * Slowing down for a moment: whoever puts something into a queue that is too long pauses until it is shorter, at most
 * 10 ms. After a pause in which the queue has not moved by a stride there is no further one before it has: so a fast
 * writer is held back to the pace of a reader that keeps up, and for one that stands still it pauses once for each
 * stride that the queue grows, until that is full and takes nothing more. Whoever puts nothing in does not pause. The
 * event loop has a turn now and then, as without one nothing that waits to be written could move.
 *
 * @module
 */

import type { Timers } from "../base/clock.ts";

/** Something that may be too full. */
export interface Congestible {
  /** Whether it is too full now. */
  readonly congested: boolean;
  /** Where it is: changes as it moves, in either direction. */
  readonly position: number;
  /** A change of position by less is none. */
  readonly stride: number;
}

/** Who puts something in: a link that is read, or undefined for the application. */
export type Filler = object | undefined;

/** Longest pause for one queue. */
export const PAUSE_MS = 10;
/** So often something is put into queues that stood still before the event loop has a turn: half a millisecond of work. */
export const MARKS_PER_TURN = 256;

/** Decides how long to pause. */
export class Relief {
  readonly #timers: Timers;
  /** Those to wait for, and where they were when they were put here. */
  readonly #sources = new Map<Congestible, number>();
  /** Who has to wait for them. */
  readonly #fillers = new Set<Filler>();
  /** Where those stood that did not move in a pause. */
  readonly #stoodAt = new WeakMap<Congestible, number>();
  /** How often one that stood still was marked since the last turn. */
  #marks = 0;
  #pause: Promise<void> | undefined;
  #resume: (() => void) | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** `filler` put something into `source`, and it is too full. */
  mark(source: Congestible, filler: Filler): void {
    if (!this.#sources.has(source)) {
      const stoodAt = this.#stoodAt.get(source);
      if (stoodAt !== undefined && !hasMoved(source, stoodAt)) {
        this.#marks++;
        return;
      }
      this.#sources.set(source, source.position);
    }
    this.#fillers.add(filler);
  }

  /** `source` is short enough again, or gone. */
  drained(source: Congestible): void {
    this.#stoodAt.delete(source);
    if (this.#sources.delete(source) && this.#sources.size === 0) this.#end();
  }

  /** A promise for `filler` to wait for before it puts more in, or undefined. */
  pause(filler: Filler): Promise<void> | undefined {
    if (!this.#fillers.has(filler)) {
      if (this.#marks < MARKS_PER_TURN) return undefined;
      this.#marks = 0;
      return this.#timers.turn?.();
    }
    return this.#pause ??= new Promise((resolve) => {
      const cancel = this.#timers.after(PAUSE_MS, () => {
        for (const [source, before] of this.#sources) {
          if (source.congested && !hasMoved(source, before)) this.#stoodAt.set(source, source.position);
        }
        this.#end();
      });
      this.#resume = () => {
        cancel();
        resolve();
      };
    });
  }

  #end(): void {
    this.#sources.clear();
    this.#fillers.clear();
    this.#resume?.();
    this.#pause = this.#resume = undefined;
  }
}

function hasMoved({ position, stride }: Congestible, from: number): boolean {
  return Math.abs(position - from) >= stride;
}
