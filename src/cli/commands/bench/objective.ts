/**
 * Service level objectives: what a user wants to hold, as text.
 *
 *     objective = [workload "."] metric bound number unit
 *     metric    = "p" percent | "mean" | "max" | "rate" | "errors"
 *     bound     = "<" | "<=" for durations and errors, ">" | ">=" for rates
 *     unit      = "us" | "ms" | "s" | "/s" | "%"
 *
 * Without a workload it is for those that are made to measure the metric: durations for `latency` and `call`, rates for
 * `events`, `fan_out` and `calls`, errors for all.
 *
 * @module
 */

import { ValidationError } from "../../../base/errors.ts";
import type { Measured } from "./measured.ts";
import { WORKLOAD_NAMES, type WorkloadName } from "./plan.ts";

/** One objective. */
export interface Objective {
  /** As it was given. */
  readonly text: string;
  /** The only workload that it is for. */
  readonly workload: WorkloadName | undefined;
  readonly metric: Metric;
  readonly bound: "<" | "<=" | ">" | ">=";
  /** Milliseconds, per second, or a share from 0 to 1. */
  readonly value: number;
}

/** What can be asked for. */
export type Metric =
  | { readonly kind: "percentile"; readonly percent: number }
  | { readonly kind: "mean" | "max" | "rate" | "errors" };

/** What became of an objective in one workload. */
export interface Verdict {
  readonly objective: string;
  readonly workload: WorkloadName;
  /**
   * In the unit of {@link Objective}. `NaN` where nothing was measured, which meets nothing; Infinity for a duration of
   * what did not come: a mesh that loses its slow events is not a fast one.
   */
  readonly got: number;
  readonly met: boolean;
}

/** More are no objectives any more. */
const OBJECTIVES_MAX = 32;

const GRAMMAR =
  /^(?:(\w+)\.)?(p(\d{1,3}(?:\.\d{1,6})?)|mean|max|rate|errors)(<=?|>=?)(\d{1,15}(?:\.\d{1,9})?)(us|µs|ms|s|\/s|%)$/;
const MS_OF: Readonly<Record<string, number>> = { "us": 0.001, "µs": 0.001, "ms": 1, "s": 1_000 };

/** Reads a comma list; throws `ValidationError` on what is no objective, or one that no workload of `chosen` measures. */
export function parseObjectives(list: string, chosen: readonly WorkloadName[]): Objective[] {
  const texts = list.split(",").map((text) => text.replaceAll(/\s/g, "")).filter((text) => text !== "");
  if (texts.length > OBJECTIVES_MAX) throw wrong(list, `at most ${OBJECTIVES_MAX} objectives are expected`);
  return texts.map((text) => {
    const objective = parseObjective(text);
    if (!chosen.some((name) => concerns(objective, name))) {
      throw wrong(text, `it is for ${names(WORKLOAD_NAMES.filter((name) => concerns(objective, name)))}`);
    }
    return objective;
  });
}

function parseObjective(text: string): Objective {
  const [, name, metricText = "", percentText, boundText, number, unit = ""] = GRAMMAR.exec(text) ?? [];
  if (metricText === "") {
    throw wrong(text, 'something like "p99<5ms", "calls.rate>1000/s" or "errors<0.1%" is expected');
  }
  const workload = WORKLOAD_NAMES.find((one) => one === name);
  if (name !== undefined && workload === undefined) throw wrong(text, `workloads are ${names(WORKLOAD_NAMES)}`);
  const percent = Number(percentText);
  if (percent > 100) throw wrong(text, "a percentile is at most 100");
  const metric: Metric = percentText === undefined
    ? { kind: metricText as "mean" | "max" | "rate" | "errors" }
    : { kind: "percentile", percent };
  const units = metric.kind === "rate" ? ["/s"] : metric.kind === "errors" ? ["%"] : Object.keys(MS_OF);
  if (!units.includes(unit)) throw wrong(text, `the unit of ${metricText} is ${units.join(" or ")}`);
  const bound = boundText as Objective["bound"];
  if (metric.kind === "rate" !== bound.startsWith(">")) {
    throw wrong(text, metric.kind === "rate" ? "a rate has a lower bound (>)" : `${metricText} has an upper bound (<)`);
  }
  const value = Number(number) * (metric.kind === "rate" ? 1 : metric.kind === "errors" ? 0.01 : MS_OF[unit]!);
  if (workload !== undefined && !concerns({ workload, metric }, workload)) {
    throw wrong(text, `${workload} has no ${metricText}`);
  }
  return { text, workload, metric, bound, value };
}

/** Whether an objective is for a workload. */
export function concerns({ workload, metric }: Pick<Objective, "workload" | "metric">, name: WorkloadName): boolean {
  if (workload !== undefined && workload !== name) return false;
  if (metric.kind === "errors") return true;
  const isFlood = name === "events" || name === "fan_out";
  if (metric.kind === "rate") return workload !== undefined || isFlood || name === "calls";
  return workload !== undefined ? !isFlood : name === "latency" || name === "call";
}

/** Holds objectives against what was measured. */
export function judge(objectives: readonly Objective[], all: readonly Measured[]): Verdict[] {
  return objectives.flatMap((objective) =>
    all.filter(({ workload }) => concerns(objective, workload)).map((measured) => {
      const got = valueOf(objective.metric, measured), { text, bound, value } = objective;
      const met = bound === "<"
        ? got < value
        : bound === "<="
        ? got <= value
        : bound === ">"
        ? got > value
        : got >= value;
      return { objective: text, workload: measured.workload, got, met };
    })
  );
}

function valueOf(metric: Metric, { rate, errors, sent, received, latency }: Measured): number {
  const lost = Math.max(0, sent - received);
  switch (metric.kind) {
    case "rate":
      return rate;
    case "errors":
      return errors;
    case "percentile":
      return latency?.percentile(metric.percent, latency.count + lost) ?? NaN;
    default:
      return lost > 0 ? Infinity : latency?.[metric.kind] ?? NaN;
  }
}

function names(list: readonly string[]): string {
  return list.join(", ");
}

function wrong(text: string, rule: string): ValidationError {
  return new ValidationError(`Cannot use --slo: ${rule}, got ${JSON.stringify(text.slice(0, 100))}`);
}
