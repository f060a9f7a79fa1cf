/** All scenarios, by name. @module */

import { FAILURES } from "./failures.ts";
import { PLAN } from "./plan.ts";
import type { Scenario } from "./scenario.ts";
import { SWARM } from "./swarm.ts";

/** In the order in which they are listed. */
export const SCENARIOS: readonly Scenario[] = [SWARM, ...PLAN, ...FAILURES];

/** The scenario of that name; throws `RangeError` where there is none. */
export function scenarioOf(name: string): Scenario {
  const found = SCENARIOS.find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  const names = SCENARIOS.map((scenario) => scenario.name).join(", ");
  throw new RangeError(`Cannot simulate: a scenario is one of ${names}, got ${JSON.stringify(name)}`);
}
