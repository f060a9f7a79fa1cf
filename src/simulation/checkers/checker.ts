/** What a rule is that must hold in a simulation, and what happens when it does not. @module */

import type { Participant, Step } from "../nodes/world.ts";

/** A rule. Each simulation needs objects of its own: they may remember what they have seen. */
export interface Checker {
  readonly name: string;
  /** Looks at one step; a text says what is wrong. */
  step?(step: Step): string | undefined;
  /** Looks at everything, once a virtual second. */
  second?(hosts: readonly Participant[], at: number): string | undefined;
}

/** A rule did not hold: which, in which simulation, when, and what was just before. */
export class SimulationFailure extends Error {
  /** The seed with which it happens again. */
  readonly seed: string;
  /** The number of the step. */
  readonly step: number;
  /** The latest steps, one a line. */
  readonly history: readonly string[];

  constructor(rule: string, { seed, step, history }: { seed: string; step: number; history: readonly string[] }) {
    super(`Cannot go on: ${rule}; seed ${seed}, step ${step}`);
    this.name = "SimulationFailure";
    this.seed = seed;
    this.step = step;
    this.history = history;
  }
}
