/** All scenarios, by name. @module */

import { ATTACKS } from "./attacks.ts";
import { FAILURES } from "./failures.ts";
import { FIGURES } from "./figures.ts";
import { LIARS } from "./liars.ts";
import { PLAN } from "./plan.ts";
import type { Scenario } from "./scenario.ts";
import { SWARM } from "./swarm.ts";

/** In the order in which they are listed. */
export const SCENARIOS: readonly Scenario[] = [SWARM, ...PLAN, ...FAILURES, ...ATTACKS, ...LIARS, ...FIGURES];

/** The scenario of that name; throws `RangeError` where there is none. */
export function scenarioOf(name: string): Scenario {
  const found = SCENARIOS.find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  const names = SCENARIOS.map((scenario) => scenario.name).join(", ");
  throw new RangeError(`Cannot simulate: a scenario is one of ${names}, got ${JSON.stringify(name)}`);
}
