/** What `macula bench` is asked to measure, and within which bounds. @module */

import { ValidationError } from "../../../base/errors.ts";
import { answerTimeout } from "../../session.ts";
import type { Settings } from "../../settings.ts";

/** The workloads, in the order in which they run. */
export const WORKLOAD_NAMES = ["events", "fan_out", "latency", "call", "calls"] as const;
/** One of them. */
export type WorkloadName = typeof WORKLOAD_NAMES[number];

/** Bounds, and defaults where nothing is said. */
export const DURATION_MS = { least: 100, most: 3_600_000, standard: 5_000 } as const;
/** Events per second of `latency`. */
export const RATE = { least: 1, most: 1_000_000, standard: 1_000 } as const;
/** Length of bodies; the least is what a body says about itself. */
export const SIZE_BYTES = { least: 16, most: 1_000_000, standard: 128 } as const;
/** Connections that `fan_out` delivers to. */
export const SUBSCRIBERS = { least: 1, most: 1_000, standard: 10 } as const;
/** Calls of `calls` that wait for their answers at once. */
export const IN_FLIGHT = { least: 1, most: 10_000, standard: 64 } as const;

/** What is to be measured. */
export interface Plan {
  readonly workloads: readonly WorkloadName[];
  /** Of each workload, ms; a tenth of it goes before, uncounted, for the compilers to warm up. */
  readonly durationMs: number;
  readonly perSecond: number;
  readonly sizeBytes: number;
  readonly subscribers: number;
  readonly inFlight: number;
  /** How long a call may take, ms. */
  readonly timeoutMs: number;
}

/** Reads the flags; throws `ValidationError`. */
export function planOf(settings: Settings): Plan {
  const integer = (
    name: "rate" | "size" | "subscribers" | "in-flight",
    bounds: typeof RATE | typeof SIZE_BYTES | typeof SUBSCRIBERS | typeof IN_FLIGHT,
  ) => settings.integer(name, bounds.least, bounds.most) ?? bounds.standard;
  const unknown = settings.positionals.find((name) => !WORKLOAD_NAMES.some((one) => one === name));
  if (unknown !== undefined) {
    throw new ValidationError(
      `Cannot run macula bench: workloads are ${WORKLOAD_NAMES.join(", ")}, got ${
        JSON.stringify(unknown.slice(0, 40))
      }`,
    );
  }
  const chosen = new Set<string>(settings.positionals);
  return {
    workloads: WORKLOAD_NAMES.filter((name) => chosen.size === 0 || chosen.has(name)),
    durationMs: durationOf(settings.text("duration")) ?? DURATION_MS.standard,
    perSecond: integer("rate", RATE),
    sizeBytes: integer("size", SIZE_BYTES),
    subscribers: integer("subscribers", SUBSCRIBERS),
    inFlight: integer("in-flight", IN_FLIGHT),
    timeoutMs: answerTimeout(settings),
  };
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

function durationOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, number, unit = "s"] = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s|m)?$/.exec(text) ?? [];
  const durationMs = number === undefined ? NaN : Math.round(Number(number) * UNITS[unit]!);
  if (durationMs >= DURATION_MS.least && durationMs <= DURATION_MS.most) return durationMs;
  throw new ValidationError(
    `Cannot use --duration: 100ms to 60m is expected, as in 5s, got ${JSON.stringify(text.slice(0, 40))}`,
  );
}
