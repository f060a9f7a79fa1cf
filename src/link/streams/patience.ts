/**
 * Waiting for the steps of an orderly end, each for as long as something moves: one timer for all of them, as most ends
 * take a millisecond.
 *
 * @module
 */

import type { Timers } from "../../base/clock.ts";

/** What a step may take. */
export interface PatienceOptions {
  readonly timers: Timers;
  /** How long nothing may move in a step, ms. */
  readonly stepMs: number;
  /** How often something may have moved in it. */
  readonly stepsMax: number;
  /** Grows while something moves. */
  readonly progress: () => number;
  /** What a step that takes too long rejects with. */
  readonly lost: () => Error;
}

/** The steps of one end, one after another. */
export class Patience {
  readonly #options: PatienceOptions;
  #lookAt = 0;
  #before = 0;
  #looks = 0;
  #giveUp: ((error: Error) => void) | undefined;
  #cancel: (() => void) | undefined;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /** Settles as `done` does, or rejects with what `lost` gives. */
  step<T>(done: Promise<T>): Promise<T> {
    const { timers, stepMs, progress } = this.#options;
    this.#lookAt = timers.now() + stepMs;
    this.#before = progress();
    this.#looks = 0;
    return new Promise((resolve, reject) => {
      this.#giveUp = reject;
      this.#cancel ??= timers.after(stepMs, () => this.#look());
      done.then(resolve, reject);
    });
  }

  /** No step follows. */
  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #look(): void {
    const { timers, stepMs, stepsMax, progress, lost } = this.#options, now = timers.now();
    const again = (ms: number) => void (this.#cancel = timers.after(ms, () => this.#look()));
    if (now < this.#lookAt) return again(this.#lookAt - now); // it was set in a former step
    const moved = progress();
    if (moved === this.#before || ++this.#looks >= stepsMax) this.#giveUp?.(lost());
    this.#before = moved;
    this.#lookAt = now + stepMs;
    again(stepMs);
  }
}
