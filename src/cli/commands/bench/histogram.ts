/**
 * Durations in fixed memory: log-linear buckets as in HdrHistogram (Gil Tene, hdrhistogram.org). Up to 2,048 µs each
 * microsecond has a bucket of its own; above, each doubling of the value has 1,024, so that a percentile is at most a
 * thousandth too large and never too small.
 *
 * @module
 */

const MICROSECONDS_PER_MS = 1_000;
const EXACT_BITS = 11;
/** Buckets of one doubling. */
const HALF = 1 << (EXACT_BITS - 1);
/** Longest duration that is told from longer ones, microseconds: 71 minutes. */
const LONGEST = 0xffff_ffff;

/** By how much a percentile may be too large: this share of it, and a microsecond for rounding. */
export const RELATIVE_ERROR_MAX = 1 / HALF;

/** Counts durations; 184 KiB however many they are. */
export class Histogram {
  readonly #counts = new Float64Array(indexOf(LONGEST) + 1);
  #count = 0;
  #sumMs = 0;
  #leastMs = Infinity;
  #mostMs = 0;

  /** How many were recorded. */
  get count(): number {
    return this.#count;
  }

  /** Adds a duration, ms; one below zero (a clock that was set) counts as zero. */
  record(ms: number): void {
    const duration = ms > 0 ? ms : 0;
    this.#counts[indexOf(Math.min(LONGEST, Math.round(duration * MICROSECONDS_PER_MS)))]!++;
    this.#count++;
    this.#sumMs += duration;
    if (duration < this.#leastMs) this.#leastMs = duration;
    if (duration > this.#mostMs) this.#mostMs = duration;
  }

  /** The shortest, ms; `NaN` where nothing was recorded. */
  get min(): number {
    return this.#count === 0 ? NaN : this.#leastMs;
  }

  /** The longest, ms. */
  get max(): number {
    return this.#count === 0 ? NaN : this.#mostMs;
  }

  /** The mean, ms. */
  get mean(): number {
    return this.#count === 0 ? NaN : this.#sumMs / this.#count;
  }

  /**
   * The duration that `percent` (0 to 100) of all do not exceed, ms. `all` are more than were recorded where some did
   * not come to an end: they count as longer than any, and a percentile among them is Infinity.
   */
  percentile(percent: number, all: number = this.#count): number {
    if (all === 0) return NaN;
    const rank = Math.max(1, Math.ceil(percent / 100 * all));
    if (rank > this.#count) return Infinity;
    if (rank === this.#count) return this.#mostMs;
    let index = 0;
    for (let seen = this.#counts[0]!; seen < rank; seen += this.#counts[index]!) index++;
    const highest = index === this.#counts.length - 1 ? Infinity : lowestOf(index + 1) - 1;
    return Math.min(this.#mostMs, Math.max(this.#leastMs, highest / MICROSECONDS_PER_MS));
  }
}

/** The bucket of a number of microseconds. */
function indexOf(microseconds: number): number {
  const shift = Math.max(0, 32 - EXACT_BITS - Math.clz32(microseconds));
  return shift * HALF + (microseconds >>> shift);
}

/** The least number of microseconds of a bucket. */
function lowestOf(index: number): number {
  const shift = Math.max(0, Math.floor(index / HALF) - 1);
  return (index - shift * HALF) * 2 ** shift;
}
