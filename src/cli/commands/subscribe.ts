/** `macula sub`: print events as they come. @module */

import { parsePattern } from "../../names/mod.ts";
import type { Logger } from "../../mesh/options.ts";
import type { MeshEvent } from "../../mesh/mesh_event.ts";
import type { Subscription } from "../../mesh/subscription.ts";
import { LinePrinter } from "../line_printer.ts";
import { say, toJson } from "../output.ts";
import { type Leaving, staying } from "../process/signals.ts";
import { attach, stayingLogger } from "../session.ts";
import type { Settings } from "../settings.ts";

/** Events that wait to be printed. */
const BUFFER_EVENTS = 65_536;

/** Prints events, one JSON line each. */
export async function subscribe(settings: Settings): Promise<number> {
  return await staying((leaving) => run(settings, leaving));
}

async function run(settings: Settings, leaving: Leaving): Promise<number> {
  const pattern = parsePattern(settings.positionals[0] ?? ""), count = settings.integer("count", 1) ?? Infinity;
  const logger = stayingLogger(settings), { signal } = leaving;
  await using mesh = await attach(settings, { logger, leaving });
  const subscription = mesh.subscribe(pattern, { buffer: BUFFER_EVENTS });
  const close = () => void subscription.close().catch(() => {});
  signal.addEventListener("abort", close, { once: true });
  await subscription.ready.catch((error) => signal.aborted || Promise.reject(error));
  if (!signal.aborted) say(`ready subscribed to ${pattern} in ${mesh.realm}`);
  const printer = new LinePrinter(close);
  await printEvents(subscription, count, printer, logger);
  await printer.flush();
  return 0;
}

async function printEvents(
  subscription: Subscription,
  count: number,
  printer: LinePrinter,
  logger: Logger,
): Promise<void> {
  let printed = 0;
  for await (const event of subscription) {
    if (event.missed > 0) logger.warn("events were lost before this one", { missed: event.missed, id: event.id });
    const full = printer.push(lineOf(event));
    if (full !== undefined) await full;
    if (++printed >= count) return;
  }
}

function lineOf({ topic, data, publisher, id, retained }: MeshEvent): string {
  // In parts, as the data may be bytes.
  const parts = `"topic":${toJson(topic)},"data":${toJson(data)},"publisher":${toJson(publisher)},"id":${toJson(id)}`;
  return retained ? `{${parts},"retained":true}` : `{${parts}}`;
}
