/** What many durations say. @module */

/** Percentiles of durations, microseconds. */
export interface Latencies {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Summarises durations in ms; all zero where there are none. */
export function latencies(durationsMs: readonly number[]): Latencies {
  const sorted = Float64Array.from(durationsMs).sort();
  const at = (share: number) => {
    const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    return Math.round(value * 10_000) / 10;
  };
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
