/** Virtual time: when it starts, what its parts are, and clocks that are wrong. @module */

/** Wall time at which every simulation starts, ms: 2025-06-15T15:06:40Z. */
export const START_MS = 1_750_000_000_000;
/** All times are multiples of it, so that sums of them are exact: 2^-10 ms. */
const QUANTUM_MS = 1 / 1024;

/** The next multiple of the quantum that is not less. */
export function quantised(ms: number): number {
  return Math.ceil(ms * 1024) * QUANTUM_MS;
}

/** One node's clock: ahead or behind by so much at the start, and faster or slower by so much. */
export class SkewedClock {
  readonly #skewMs: number;
  readonly #drift: number;

  /** `skewMs` is taken as a whole number; `driftPpm` in parts per million. */
  constructor({ skewMs = 0, driftPpm = 0 }: { readonly skewMs?: number; readonly driftPpm?: number } = {}) {
    this.#skewMs = Math.round(skewMs);
    this.#drift = driftPpm / 1_000_000;
  }

  /** What it shows at a virtual time; never runs back. */
  at(time: number): number {
    const drift = this.#drift;
    if (drift === 0) return time + this.#skewMs;
    return time + this.#skewMs + Math.floor((time - START_MS) * drift * 1024) * QUANTUM_MS;
  }

  /** How much virtual time passes until it has gone on by at least `ms`. */
  span(ms: number): number {
    const drift = this.#drift;
    return drift === 0 ? quantised(ms) : quantised(ms / (1 + drift)) + 2 * QUANTUM_MS;
  }
}
