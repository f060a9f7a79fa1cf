/** A core of the hash table, and shorthands for what goes in and out. @module */

import assert from "node:assert/strict";
import { Deadlines } from "../../src/base/deadlines.ts";
import type { Role } from "../../src/base/protocol.ts";
import { DhtCore } from "../../src/dht/core.ts";
import type {
  Contact,
  DhtCommand,
  DhtEffect,
  DhtInput,
  DhtMessage,
  DhtTimer,
  StoreMessage,
} from "../../src/dht/messages.ts";
import type { DhtOptions } from "../../src/dht/options.ts";
import type { VerifiedRecord } from "../../src/identity/record.ts";
import { fakeInterest, fakeNode, idWith, optionsFor } from "./fakes.ts";

/** The core's own id and statement, and a key that is far from it. */
export const OWN = idWith(0x01), SELF = fakeNode(OWN), KEY = idWith(0x80), NOW = 1_000;
/** The node with this first byte. */
export const nodeAt = (first: number) => fakeNode(idWith(first));
/** A record under the key. */
export const INTEREST = fakeInterest(idWith(0x99), KEY);

/** A core with its first timer behind it, and shorthands for inputs. */
export class Bench {
  readonly core: DhtCore;
  now = NOW;
  readonly #timers = new Deadlines<Extract<DhtTimer, { type: "deadlines" }>>();

  constructor(options: Partial<DhtOptions> = {}) {
    this.core = new DhtCore(optionsFor(OWN, { ...options, upkeepEveryMs: 60_000 }));
    const [upkeep, ...others] = this.command({ type: "self", record: SELF });
    assert(upkeep?.kind === "timer" && upkeep.timer.type === "upkeep" && upkeep.afterMs < 60_000);
    assert.deepEqual(others, []);
  }

  command(command: DhtCommand, id = 7): readonly DhtEffect[] {
    return this.give({ kind: "command", id, command });
  }

  /** A message over the link of that name, or of the node itself. */
  received(from: string, message: DhtMessage): readonly DhtEffect[] {
    return this.give({ kind: "received", from, message });
  }

  up(peer: string, node: Contact, role: Role = "hub"): readonly DhtEffect[] {
    return this.give({ kind: "peerUp", peer, node: node.nodeBytes, role });
  }

  down(peer: string): readonly DhtEffect[] {
    return this.give({ kind: "peerDown", peer, reason: "gone" });
  }

  /** Links with hubs, known by their introductions, and ends the lookup for ourselves with it. */
  meet(...nodes: Contact[]): void {
    for (const node of nodes) {
      this.up(node.node, node);
      let effects = this.received(node.node, introduction(node));
      while (effects.some(({ kind }) => kind === "send")) effects = this.answerAll(effects);
    }
  }

  /** Answers each query in the effects with nothing. */
  answerAll(effects: readonly DhtEffect[]): readonly DhtEffect[] {
    return effects.flatMap((effect) => {
      if (effect.kind !== "send" || effect.message.kind === "store") return [];
      const { requestId } = effect.message as { requestId: number };
      return this.received(effect.to as string, nodesReply(requestId));
    });
  }

  /** Lets time pass, and returns what is done then. */
  later(ms: number): readonly DhtEffect[] {
    const out: DhtEffect[] = [], end = this.now + ms;
    for (let timer = this.#timers.takeDue(end); timer !== undefined; timer = this.#timers.takeDue(end)) {
      this.now = timer.at;
      out.push(...this.give({ kind: "timer", timer }));
    }
    this.now = end;
    return out.filter(({ kind }) => kind !== "timer");
  }

  give(input: DhtInput): readonly DhtEffect[] {
    const effects = this.core.handle(input, this.now);
    for (const effect of effects) {
      if (effect.kind !== "timer" || effect.timer.type !== "deadlines") continue;
      assert.equal(effect.timer.at, this.now + effect.afterMs);
      this.#timers.add(effect.timer.at, effect.timer);
    }
    return effects;
  }
}

export function introduction(record: Contact): StoreMessage {
  return { kind: "store", key: record.key, requestId: undefined, record, refusal: undefined };
}

export function nodesReply(requestId: number | undefined, ...nodes: Contact[]): DhtMessage {
  return { kind: "findNodeReply", requestId, nodes, refusal: undefined };
}

export function store(record: VerifiedRecord, requestId?: number, key = record.key): StoreMessage {
  return { kind: "store", key, requestId, record, refusal: undefined };
}

export function send(to: string, message: DhtMessage): DhtEffect {
  return { kind: "send", to, message, lane: "control" };
}

/** Messages only: to whom, what kind, and its number. */
export function sent(effects: readonly DhtEffect[]): string[] {
  return effects.flatMap((effect) => {
    if (effect.kind !== "send") return [];
    const { message } = effect;
    return [`${(effect.to as string).slice(0, 2)} ${message.kind} ${message.requestId}`];
  });
}
