/** `macula pub`: publish once. @module */

import { ValidationError } from "../../base/errors.ts";
import { parseTopic } from "../../names/mod.ts";
import { jsonArgument } from "../json_argument.ts";
import { print, toJson } from "../output.ts";
import { interruptible } from "../process/signals.ts";
import { attach, oneShotLogger } from "../session.ts";
import type { Settings } from "../settings.ts";

/** Publishes an event and prints its id and how many subscribing links it was handed to; without data it only deletes. */
export async function publish(settings: Settings): Promise<number> {
  const [topic = "", text] = settings.positionals, retain = settings.has("retain");
  const qos = Number(settings.choice("qos", ["0", "1", "2"]) ?? 0) as 0 | 1 | 2;
  parseTopic(topic);
  if (text === undefined && !retain) {
    throw new ValidationError("Cannot publish: JSON is expected behind the topic, or --retain, which then deletes");
  }
  const data = text === undefined ? undefined : await jsonArgument(text, "publish");
  return await interruptible(async ({ signal }) => {
    await using mesh = await attach(settings, { logger: oneShotLogger(settings), signal });
    const { id, recipients } = await mesh.publish(topic, data, { qos, retain, acknowledge: true, signal });
    await print(toJson({ id, recipients }));
    return 0;
  });
}
