/** What every workload runs with. @module */

import { within } from "../../../../base/clock.ts";
import { MeshError } from "../../../../base/errors.ts";
import { systemTimers } from "../../../../node/runtime.ts";
import type { Crew } from "../crew.ts";
import type { Plan } from "../plan.ts";
import type { Progress } from "../progress.ts";
import type { systemClock } from "../schedule.ts";

/** One run of `macula bench`. */
export interface BenchRun {
  readonly plan: Plan;
  readonly crew: Crew;
  readonly clock: ReturnType<typeof systemClock>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Begins topics and procedures: of two runs at once, each has its own. */
  readonly prefix: string;
}

/** This share of a workload's duration goes before it, uncounted: the compilers warm up. */
export const WARM_UP_SHARE = 0.1;

/** Sooner there is no rate to speak of, seconds. */
const RATE_AFTER_S = 0.05;

/** The line of a phase that begins now; `count` is what it has once it has begun. */
export function progressLine(run: BenchRun, name: string, durationMs: number, count: () => number): () => string {
  const { clock } = run, startedAt = clock.now();
  return () => {
    const seconds = (clock.now() - startedAt) / 1_000;
    const rate = seconds < RATE_AFTER_S ? 0 : Math.round(count() / seconds);
    return `${name}  ${Math.min(seconds, durationMs / 1_000).toFixed(1)} of ${durationMs / 1_000} s  ${rate}/s`;
  };
}

/** Waits until the mesh knows what a workload needs; rejects with `unavailable` where that takes longer than an answer may. */
export function known<T>({ plan: { timeoutMs } }: BenchRun, what: string, promise: Promise<T>): Promise<T> {
  const text = `Cannot measure ${what}: the gateway must confirm what it needs within ${timeoutMs} ms, and has not`;
  return within(systemTimers(), timeoutMs, promise, () => new MeshError("unavailable", text));
}
