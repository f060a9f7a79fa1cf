/** Rules about events and calls. @module */

import { bytesKey } from "../../base/bytes.ts";
import { matches, type Pattern, type Topic } from "../../names/mod.ts";
import type { PubsubCommand, PubsubEvent } from "../../pubsub/messages.ts";
import type { RpcEvent } from "../../rpc/messages.ts";
import type { Checker } from "./checker.ts";
import type { AnyEffect, Participant } from "../nodes/world.ts";

/** Of one life of a node. */
interface Seen {
  readonly epoch: number;
  readonly patterns: Map<number, Pattern>;
  readonly events: Set<string>;
}

/** No subscription gets an event twice or one of a topic that it does not want; no handler runs twice for one call. */
export function deliveredOnce(): Checker {
  const seenBy = new WeakMap<Participant, Seen>();
  return {
    name: "delivery is at most once",
    step({ host, core, input, effects }) {
      if (core === "dht") return undefined;
      let seen = seenBy.get(host);
      if (seen?.epoch !== host.epoch) {
        seenBy.set(host, seen = { epoch: host.epoch, patterns: new Map(), events: new Set() });
      }
      if (core === "pubsub" && input.kind === "command") {
        const command = input.command as PubsubCommand;
        if (command.type === "subscribe") seen.patterns.set(command.subscription, command.pattern);
        if (command.type === "unsubscribe") seen.patterns.delete(command.subscription);
      }
      for (const effect of effects) {
        const wrong = effect.kind === "event" ? wrongIn(effect, seen, core) : undefined;
        if (wrong !== undefined) return `node ${host.index} ${wrong}`;
      }
      return undefined;
    },
  };
}

function wrongIn({ event }: Extract<AnyEffect, { kind: "event" }>, seen: Seen, core: string): string | undefined {
  if (core === "rpc") {
    const invoked = event as RpcEvent;
    if (invoked.type !== "invoke") return undefined;
    const run = `run ${invoked.invocation}`;
    if (seen.events.has(run)) return `starts ${run} twice`;
    seen.events.add(run);
    return undefined;
  }
  const delivered = event as PubsubEvent;
  if (delivered.type !== "delivered") return undefined;
  const { topic, messageId } = delivered.publish;
  for (const subscription of delivered.subscriptions) {
    const pattern = seen.patterns.get(subscription), once = `${subscription} ${bytesKey(messageId)}`;
    if (pattern === undefined) return `delivers to a subscription that there is not, ${subscription}`;
    if (!matches(pattern, topic as Topic)) return `delivers ${topic} to who wants ${pattern}`;
    if (seen.events.has(once)) return `delivers an event on ${topic} twice`;
    seen.events.add(once);
  }
  return undefined;
}
