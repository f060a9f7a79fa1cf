/** Where nodes can be dialled, from their own records, and which of them have failed lately. @module */

import { LruMap } from "../../base/lru.ts";
import type { Random } from "../../base/random.ts";
import type { NodeId, NodeRecord } from "../../identity/mod.ts";
import { parseEndpoint } from "../../names/mod.ts";
import type { Target } from "./dial.ts";

/** Nodes whose addresses are remembered, and nodes whose failures are. */
export const CONTACTS_MAX = 10_000, FAILURES_MAX = 10_000;
/** Of a node's endpoints so many are dialled: each may take a dial's whole time. */
export const ENDPOINTS_DIALLED_MAX = 4;
/** Longest pause after the first failure, and after many, ms. */
export const BACK_OFF_MIN_MS = 1_000, BACK_OFF_MAX_MS = 60_000;

interface Failures {
  readonly count: number;
  /** Until when the node is not dialled again, wall-clock ms. */
  readonly until: number;
}

/** What is known of nodes that we have no link to. */
export class AddressBook {
  readonly #random: Random;
  readonly #records = new LruMap<NodeId, NodeRecord>(CONTACTS_MAX);
  readonly #failures = new LruMap<NodeId, Failures>(FAILURES_MAX);

  constructor(random: Random) {
    this.#random = random;
  }

  /** How many nodes it knows. */
  get size(): number {
    return this.#records.size;
  }

  /** Takes a node's statement; an older one does not take the place of a newer. Other addresses may work at once. */
  add(record: NodeRecord): void {
    const before = this.#records.get(record.node);
    if (before !== undefined && before.sequence > record.sequence) return;
    this.#records.set(record.node, record);
    if (before !== undefined && before.endpoints.join() !== record.endpoints.join()) this.reached(record.node);
  }

  /** What to dial, or undefined where no address is known. */
  target(node: NodeId): Target | undefined {
    const record = this.#records.get(node);
    if (record === undefined || record.endpoints.length === 0) return undefined;
    const addresses = record.endpoints.slice(0, ENDPOINTS_DIALLED_MAX).map((one) => parseEndpoint(one));
    return { node, addresses, expect: { kind: "key", publicKey: record.publicKey } };
  }

  /** Whether the node has failed so lately that it is not dialled. */
  isResting(node: NodeId, now: number): boolean {
    return (this.#failures.get(node)?.until ?? 0) > now;
  }

  /** A dial has failed: the next is so much later, at random up to twice as much each time. */
  failed(node: NodeId, now: number): void {
    const count = (this.#failures.get(node)?.count ?? 0) + 1;
    const limitMs = Math.min(BACK_OFF_MAX_MS, BACK_OFF_MIN_MS * 2 ** Math.min(count - 1, 10));
    this.#failures.set(node, { count, until: now + this.#random.number() * limitMs });
  }

  /** The node has answered, or may. */
  reached(node: NodeId): void {
    this.#failures.delete(node);
  }
}
