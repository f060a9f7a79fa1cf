/** Steps and messages in numbers, for the history's hash, and in words, for a failure's report. @module */

import { prefixOf } from "../names/distance.ts";
import type { AnyMessage } from "./nodes/passage.ts";
import type { AnyEffect, Step } from "./nodes/world.ts";

/** A number that differs between most messages that differ. */
export function fingerprint(message: AnyMessage): number {
  const { kind } = message;
  const base = kind.length << 8 ^ kind.charCodeAt(0) ^ kind.charCodeAt(kind.length - 1) << 16;
  switch (message.kind) {
    case "findNode":
      return base ^ prefixOf(message.target) ^ (message.requestId ?? 0);
    case "findValue":
      return base ^ prefixOf(message.key) ^ (message.requestId ?? 0);
    case "findNodeReply":
    case "findValueReply": {
      const first = message.nodes[0], count = "records" in message ? message.records.length : 0;
      return base ^ (first === undefined ? 0 : first.prefix) ^ message.nodes.length << 4 ^ count << 24;
    }
    case "store":
    case "storeAck":
      return base ^ prefixOf(message.key) ^ (message.requestId ?? 0);
    case "publish":
    case "puback":
      return base ^ prefixOf(message.messageId);
    case "rpcRequest":
    case "rpcReply":
      return base ^ prefixOf(message.requestId);
    default:
      return base;
  }
}

/** One step in one line. */
export function describeStep({ at, host, core, input, effects }: Step): string {
  const done = effects.map(describeEffect).join(", ");
  return `${at.toFixed(3)} node ${host.index} ${host.role} ${core}: ${describeInput(input)} → ${done || "nothing"}`;
}

function describeInput(input: Step["input"]): string {
  switch (input.kind) {
    case "received":
      return `${input.message.kind} from ${short(input.from)}`;
    case "command":
      return `command ${input.id} ${(input.command as { type: string }).type}`;
    case "timer":
      return `timer ${JSON.stringify(input.timer)}`;
    case "peerUp":
      return `up ${short(input.peer)} ${input.role}`;
    case "peerDown":
      return `down ${short(input.peer)} ${input.reason}`;
  }
}

function describeEffect(effect: AnyEffect): string {
  switch (effect.kind) {
    case "send": {
      const to = typeof effect.to === "string" ? short(effect.to) : `${effect.to.length} links`;
      return `${effect.message.kind} to ${to}`;
    }
    case "timer":
      return `timer in ${effect.afterMs.toFixed(0)} ms`;
    case "event":
      return `event ${(effect.event as { type: string }).type}`;
    case "answer":
      return `answer ${effect.id}`;
    case "fail":
      return `fail ${effect.id} ${effect.error.code}`;
    case "contact":
    case "disconnect":
      return `${effect.kind} ${short(effect.peer)}`;
  }
}

function short(peer: string): string {
  return peer.slice(0, 12);
}
