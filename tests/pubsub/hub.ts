/** A pub/sub core as a test drives it. @module */

import { PUBSUB_DEFAULTS, PubsubCore, type PubsubOptions } from "../../src/pubsub/core.ts";
import type { PubsubCommand, PubsubEvent, PubsubMessage, PubsubTimer, RoomFor } from "../../src/pubsub/messages.ts";
import type { Effect, PeerRights } from "../../src/base/protocol.ts";
import { parsePattern, parseTopic, type Topic } from "../../src/names/mod.ts";
import { type Burst, decodeFrame, EventWriter, type Publish, Writer } from "../../src/wire/mod.ts";

/** What the core wants done. */
export type PubsubEffect = Effect<PubsubMessage, PubsubTimer, PubsubEvent>;

/** Node ids. */
export const HUB = id(1), ALICE = id(10), BOB = id(11), CAROL = id(12);

/** A node id of 32 equal bytes. */
export function id(byte: number): Uint8Array {
  return new Uint8Array(32).fill(byte);
}

/** An event on `topic`. */
export function event(topic: string, fields: Partial<Publish> = {}): Publish {
  const messageId = new Uint8Array(16).fill(7), payload = Uint8Array.of(1);
  return { kind: "publish", topic, payload, qos: 0, retain: false, messageId, publisher: ALICE, ...fields };
}

/** Three events of one publisher on `topic`, as they come in one frame; their bodies are 0, 1 and 2. */
export function burst(topic: string, publisher = ALICE): Burst {
  const writer = new Writer(), out = new EventWriter();
  for (let i = 1; i < 4; i++) {
    const messageId = new Uint8Array(16).with(15, i), payload = Uint8Array.of(i - 1);
    out.append(writer, event(topic, { messageId, payload, publisher, encoding: "bytes", at: 5 }));
  }
  return decodeFrame(writer.copy()) as Burst;
}

/** A core with a clock that stands still until it is set. */
export class Bench {
  now = 1_000;
  readonly core: PubsubCore;
  #commands = 0;

  constructor(role: "hub" | "edge", options: Partial<PubsubOptions> = {}) {
    const hub = role === "hub", node = hub ? HUB : ALICE;
    this.core = new PubsubCore({ ...PUBSUB_DEFAULTS, hub, node, ...options });
  }

  up(peer: string, node: Uint8Array, role: "hub" | "edge" = "edge", rights?: PeerRights): readonly PubsubEffect[] {
    return this.core.handle({ kind: "peerUp", peer, node, role, rights }, this.now);
  }

  down(peer: string): readonly PubsubEffect[] {
    return this.core.handle({ kind: "peerDown", peer, reason: "connection_lost" }, this.now);
  }

  /** Whether a burst is taken as it is. */
  takesWhole(from: string, message: Burst, hasRoom?: RoomFor): boolean {
    return this.core.takeWhole(from, message, this.now, hasRoom) !== undefined;
  }

  received(from: string, message: PubsubMessage): readonly PubsubEffect[] {
    return this.core.handle({ kind: "received", from, message }, this.now);
  }

  /** Gives a command; its id counts up from 1. */
  command(command: PubsubCommand): readonly PubsubEffect[] {
    return this.core.handle({ kind: "command", id: ++this.#commands, command }, this.now);
  }

  timer(timer: PubsubTimer): readonly PubsubEffect[] {
    return this.core.handle({ kind: "timer", timer }, this.now);
  }

  subscribe(subscription: number, pattern: string): readonly PubsubEffect[] {
    return this.command({ type: "subscribe", subscription, pattern: parsePattern(pattern) });
  }

  unsubscribe(subscription: number): readonly PubsubEffect[] {
    return this.command({ type: "unsubscribe", subscription });
  }

  publish(publish: Publish): readonly PubsubEffect[] {
    return this.command({ type: "publish", publish });
  }

  audience(topic: string): readonly PubsubEffect[] {
    return this.command({ type: "audience", topic: parseTopic(topic) as Topic });
  }
}

/** A link's request. */
export function subscribe(requestId: number | undefined, ...topics: string[]): PubsubMessage {
  const head = { kind: "subscribe", topics, qos: 0 } as const;
  return requestId === undefined ? head : { ...head, requestId };
}

/** An edge asks its hub for what is kept. */
export function recall(hub: string, requestId: number, ...topics: string[]): PubsubEffect {
  return send(hub, { kind: "recall", requestId, topics }, "control");
}

/** `send` to one or more. */
export function send(to: string | string[], message: PubsubMessage, lane: "control" | "events"): PubsubEffect {
  return { kind: "send", to, message, lane };
}

/** A command's answer. */
export function answer(command: number, value: unknown = undefined): PubsubEffect {
  return { kind: "answer", id: command, value };
}

/** What the application gets. */
export function told(event: PubsubEvent): PubsubEffect {
  return { kind: "event", event };
}
