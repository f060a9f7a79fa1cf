/** Which of several providers gets a call. @module */

import type { Random } from "../base/random.ts";

/**
 * How to choose among providers: `local_first` (this node's own handler, else in turn), `round_robin`, `random`,
 * `first` (advertised longest ago), `closest` (smallest XOR distance to the caller: the same caller gets the same
 * provider while it lasts). With `local_first` and `first` other hubs are asked only when nobody serves it at this
 * one, with `local_first` those first that we are linked with; with the others each hub counts as one provider, and
 * chooses among its own.
 */
export type Strategy = "local_first" | "round_robin" | "random" | "first" | "closest";

/** All strategies. */
export const STRATEGIES: readonly Strategy[] = ["local_first", "round_robin", "random", "first", "closest"];

/** Reads a strategy as it came over the wire; what is unknown is the default. */
export function strategyOf(text: string | undefined): Strategy {
  return text !== undefined && STRATEGIES.includes(text as Strategy) ? text as Strategy : "local_first";
}

/** Whether other hubs take part although there are providers here. */
export function spansHubs(strategy: Strategy): boolean {
  return strategy !== "local_first" && strategy !== "first";
}

/** One that can be chosen. */
export interface Candidate {
  readonly node: Uint8Array;
  readonly local: boolean;
}

/** Chooses one of `candidates` (in the order they advertised); `turn` counts the choices made for this name so far. */
export function select<C extends Candidate>(
  candidates: readonly C[],
  { strategy, turn, caller, random }: { strategy: Strategy; turn: number; caller: Uint8Array; random: Random },
): C | undefined {
  if (candidates.length <= 1) return candidates[0];
  switch (strategy) {
    case "local_first": {
      const local = candidates.filter((candidate) => candidate.local);
      return local.length > 0 ? local[turn % local.length] : candidates[turn % candidates.length];
    }
    case "round_robin":
      return candidates[turn % candidates.length];
    case "random":
      return candidates[Math.floor(random.number() * candidates.length)];
    case "first":
      return candidates[0];
    case "closest":
      return candidates.reduce((best, one) => closer(one.node, best.node, caller) ? one : best);
  }
}

function closer(a: Uint8Array, b: Uint8Array, target: Uint8Array): boolean {
  for (let i = 0; i < target.length; i++) {
    const difference = (a[i]! ^ target[i]!) - (b[i]! ^ target[i]!);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
