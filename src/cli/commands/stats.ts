/** `macula stats`: the counters of the gateway. @module */

import { print, toJson } from "../output.ts";
import { interruptible } from "../process/signals.ts";
import { answerTimeout, attach, oneShotLogger } from "../session.ts";
import type { Settings } from "../settings.ts";

/** Prints the counters of the hub that the command attaches to. */
export async function stats(settings: Settings): Promise<number> {
  const timeout = answerTimeout(settings);
  return await interruptible(async ({ signal }) => {
    await using mesh = await attach(settings, { logger: oneShotLogger(settings), signal });
    await print(toJson(await mesh.call("_mesh.stats", null, { timeout, signal })));
    return 0;
  });
}
