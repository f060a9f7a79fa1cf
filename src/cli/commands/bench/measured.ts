/** What a workload found out. @module */

import type { Histogram } from "./histogram.ts";
import type { Lost } from "./losses.ts";
import type { WorkloadName } from "./plan.ts";

/** Figures of one workload. */
export interface Measured {
  readonly workload: WorkloadName;
  /** Deliveries or answers per second. */
  readonly rate: number;
  /** The share that failed or was lost, from 0 to 1. */
  readonly errors: number;
  /** Events or calls that were begun; an event counts once for each subscriber. */
  readonly sent: number;
  /** Deliveries or answers. */
  readonly received: number;
  /** Deliveries that did not follow the one before them: after a loss, a double, or a change of order. */
  readonly displaced?: number;
  /** Where deliveries went that did not come. */
  readonly losses?: Lost;
  readonly latency?: Histogram;
  /** How late events left behind their schedule: what of the latency is the bench's own. */
  readonly lag?: Histogram;
  /** The first thing that went wrong. */
  readonly firstError?: string | undefined;
}

/** Errors as they come: how many, and what the first was. */
export class Failures {
  count = 0;
  first: string | undefined;

  /** Takes one. */
  add(error: unknown): void {
    this.count++;
    this.first ??= error instanceof Error ? error.message : String(error);
  }
}

/** The share of `part` in `whole`; nothing of nothing is none. */
export function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
