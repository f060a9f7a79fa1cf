/** A core made for tests: it tells everyone it is linked with a number, and the larger number goes on. @module */

import type { DhtEffect, DhtInput, DhtMessage } from "../../src/dht/mod.ts";
import type { AnyDht } from "../../src/simulation/nodes/cores.ts";

const TICK_MS = 500;

/** So that a recorded history does not change when a protocol does. */
export class GossipCore implements AnyDht {
  readonly #peers = new Set<string>();
  #number: number;

  constructor(number: number) {
    this.#number = number;
  }

  handle(input: DhtInput, now: number): DhtEffect[] {
    if (input.kind === "peerUp") this.#peers.add(input.peer);
    if (input.kind === "peerDown") this.#peers.delete(input.peer);
    if (input.kind === "received" && input.message.kind === "findNode") {
      this.#number = Math.max(this.#number, input.message.requestId ?? 0);
    }
    if (input.kind !== "command" && input.kind !== "timer") return [];
    const timer: DhtEffect = { kind: "timer", afterMs: TICK_MS, timer: { type: "deadlines", at: now + TICK_MS } };
    const target = new Uint8Array(32).fill(this.#number & 0xff);
    const message: DhtMessage = { kind: "findNode", target, requestId: this.#number, sender: undefined };
    if (this.#peers.size === 0) return [timer];
    return [timer, { kind: "send", to: [...this.#peers], message, lane: "control" }];
  }

  /** What it knows. */
  get number(): number {
    return this.#number;
  }
}
