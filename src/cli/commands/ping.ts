/** `macula ping`: the round trip to a node. @module */

import { parseNodeId } from "../../identity/mod.ts";
import { print, toJson } from "../output.ts";
import { interruptible } from "../process/signals.ts";
import { answerTimeout, attach, oneShotLogger } from "../session.ts";
import type { Settings } from "../settings.ts";

/** Time between two round trips, ms. */
const INTERVAL_MS = 1_000;

/** Prints the round trip to a node, default the hub, as often as was asked for. */
export async function ping(settings: Settings): Promise<number> {
  const [asked] = settings.positionals, count = settings.integer("count", 1) ?? 1, timeout = answerTimeout(settings);
  if (asked !== undefined) parseNodeId(asked);
  return await interruptible(async ({ signal }) => {
    await using mesh = await attach(settings, { logger: oneShotLogger(settings), signal });
    const node = asked ?? mesh.links()[0]?.node ?? mesh.id;
    for (let left = count; left > 0; left--) {
      const ms = await mesh.ping(node, { timeout, signal });
      await print(toJson({ node, ms: Math.round(ms * 1_000) / 1_000 }));
      if (left > 1) await pause(signal);
    }
    return 0;
  });
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, INTERVAL_MS);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
