/** Several ways to the same place, tried with a head start for the better ones (RFC 8305, "happy eyeballs"). @module */

import type { Timers } from "../base/clock.ts";

/** How a race is run. */
export interface RaceOptions<Way, Result> {
  readonly timers: Timers;
  /** Milliseconds until the next way is tried while the former has not failed; RFC 8305 section 5. */
  readonly staggerMs: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  attempt(way: Way): Promise<Result>;
  /** Gets every result that came too late. */
  discard(result: Result): void;
  /** What the race rejects with when no way succeeded: `errors` of those that failed, in order. */
  failed(why: "all" | "timeout" | "aborted", errors: readonly unknown[]): unknown;
}

/** Resolves with the first result; later ways start when the former fail or are slow. */
export function race<Way, Result>(ways: readonly Way[], options: RaceOptions<Way, Result>): Promise<Result> {
  const { timers, staggerMs, timeoutMs, signal } = options;
  return new Promise((resolve, reject) => {
    const errors: unknown[] = [];
    let next = 0, settled = false, cancelStagger = () => {};
    const cancelTimeout = timers.after(timeoutMs, () => lose("timeout"));
    const onAbort = () => lose("aborted");
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) return lose("aborted");
    start();

    function start(): void {
      cancelStagger();
      if (settled) return;
      if (next >= ways.length) return errors.length === ways.length ? lose("all") : undefined;
      const way = ways[next++]!;
      if (next < ways.length) cancelStagger = timers.after(staggerMs, start);
      options.attempt(way).then((result) => {
        if (settled) return options.discard(result);
        settle();
        resolve(result);
      }, (error) => {
        errors.push(error);
        start();
      });
    }

    function lose(why: "all" | "timeout" | "aborted"): void {
      if (settled) return;
      settle();
      reject(options.failed(why, errors));
    }

    function settle(): void {
      settled = true;
      cancelStagger();
      cancelTimeout();
      signal?.removeEventListener("abort", onAbort);
    }
  });
}
