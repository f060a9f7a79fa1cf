/** Medians, spreads and ratios over the rounds of a run. @module */

import type { SystemName } from "../system/catalogue.ts";
import type { Measured } from "./workloads.ts";

/** One run of one workload with one system, as it is kept. */
export interface Run extends Partial<Measured> {
  readonly round: number;
  readonly workload: string;
  readonly system: SystemName;
  /** When it ended, ISO 8601. */
  readonly at: string;
  /** How fast one core was, passes per second. */
  readonly speed: number;
  /** Why there are no figures. */
  readonly error?: string;
}

/** A run that has figures. */
export type FullRun = Run & Measured;

/** A metric of a workload with a system. */
export interface Series {
  readonly workload: string;
  readonly system: SystemName;
  readonly metric: string;
}

/** What the rounds say about one metric. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
  /** Whether nobody else used the machine much; else the figure is provisional. */
  readonly clean: boolean;
}

/** Others may use so much of one core, percent. */
export const FOREIGN_PERCENT_MAX = 25;
/** With so many clean runs, the others are left out. */
export const CLEAN_RUNS_MIN = 3;

/** The middle value, or the mean of the two in the middle; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return sorted.length === 0 ? NaN : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The runs of a series that count: the clean ones if there are enough, else all that have figures. */
export function counted(runs: readonly Run[], { workload, system }: Omit<Series, "metric">): readonly FullRun[] {
  const full = runs.filter((run): run is FullRun =>
    run.workload === workload && run.system === system && run.values !== undefined
  );
  const clean = full.filter(isClean);
  return clean.length >= CLEAN_RUNS_MIN ? clean : full;
}

/** Sums a series up; undefined where there are no figures. */
export function summarise(runs: readonly Run[], series: Series): Summary | undefined {
  const used = counted(runs, series), values = used.flatMap(({ values }) => values[series.metric] ?? []);
  if (values.length === 0) return undefined;
  return {
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    rounds: values.length,
    clean: used.every(isClean),
  };
}

/**
 * How many times `reference` a series is: the median of the ratios within each round, as the machine drifts between
 * rounds; where no round has both, the ratio of the medians. Undefined where one of them has no figures.
 */
export function ratio(runs: readonly Run[], series: Series, reference: Series): number | undefined {
  const ours = counted(runs, series), theirs = counted(runs, reference);
  const ratios = ours.flatMap((run) => {
    const other = theirs.find(({ round }) => round === run.round);
    const ourValue = run.values[series.metric], theirValue = other?.values[reference.metric];
    return ourValue === undefined || theirValue === undefined ? [] : [ourValue / theirValue];
  });
  if (ratios.length > 0) return median(ratios);
  const our = summarise(runs, series), their = summarise(runs, reference);
  return our === undefined || their === undefined ? undefined : our.median / their.median;
}

function isClean({ foreignPercent }: FullRun): boolean {
  return foreignPercent <= FOREIGN_PERCENT_MAX;
}
