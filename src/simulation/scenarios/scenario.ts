/** What a scenario is: a simulation with a course and rules of its own, found by its name. @module */

import type { CoreMakers } from "../nodes/cores.ts";
import type { SimulationOptions } from "../settings.ts";
import { Simulation } from "../simulation.ts";

/** What a scenario is run with. */
export interface ScenarioOptions {
  readonly seed: string;
  /** Hubs; each scenario has a number of its own. */
  readonly nodes?: number | undefined;
  /** Virtual time; likewise. */
  readonly minutes?: number | undefined;
  /** Takes the lines of the report. */
  print(line: string): void;
  /** Other cores, to see that the scenario notices a broken one. */
  readonly make?: CoreMakers;
}

/** A course of events and what must be true at its end. */
export interface Scenario {
  readonly name: string;
  /** One sentence. */
  readonly about: string;
  /** Runs it; throws `SimulationFailure` where a rule does not hold. Returns the hash of its history. */
  run(options: ScenarioOptions): string;
}

/** A simulation without nodes for a scenario; its settings are the report's first line. */
export function begin(
  { seed, make, print }: ScenarioOptions,
  settings: Omit<SimulationOptions, "seed" | "make" | "checkers">,
  checkers?: SimulationOptions["checkers"],
): Simulation {
  print(`settings ${JSON.stringify(settings)}`);
  return new Simulation({ ...settings, seed, ...make && { make }, ...checkers && { checkers } });
}

/** Ends the simulation with a failure unless it is true. */
export function must(simulation: Simulation, holds: boolean, rule: string): asserts holds {
  if (!holds) simulation.fail(rule);
}

/** A number with so many digits behind the point. */
export function rounded(value: number, digits = 1): string {
  return value.toFixed(digits);
}

/** The number below which so large a part of a list is; 0 for an empty list. */
export function quantileOf(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
}
