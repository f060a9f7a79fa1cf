/** The rules that hold in every simulation. @module */

import type { Checker } from "./checker.ts";
import type { Mint } from "../nodes/mint.ts";
import type { Settings } from "../settings.ts";
import { answeredInTime, effectsAreSound } from "./contract.ts";
import { deliveredOnce } from "./delivery.ts";
import { holdersAreSound, repliesAreSound, sequencesRise, tablesAreSound } from "./hash_table.ts";

/** One of each, fresh. */
export function standardCheckers(settings: Settings & { readonly mint: Mint }): Checker[] {
  return [
    effectsAreSound(),
    answeredInTime(),
    repliesAreSound(settings),
    tablesAreSound(settings),
    holdersAreSound(settings),
    sequencesRise(),
    deliveredOnce(),
  ];
}
