/** What a hub answers from what it has: the closest nodes that it knows, and the records that it keeps. @module */

import { equalBytes } from "../base/bytes.ts";
import type { Failure, Peer } from "../base/protocol.ts";
import type { VerifiedRecord } from "../identity/record.ts";
import { compareDistance } from "../names/mod.ts";
import type {
  Contact,
  DhtEffect,
  FindNodeMessage,
  FindNodeReplyMessage,
  FindValueMessage,
  FindValueReplyMessage,
  StoreAckMessage,
  StoreMessage,
} from "./messages.ts";
import type { DhtOptions } from "./options.ts";
import { Records } from "./records.ts";
import type { Named, RoutingTable } from "./routing_table.ts";

const NO_NODES: readonly Contact[] = [];

/** Who asks, where there is a link. */
type Asker = Named | undefined;

/** Bounds of what one holder keeps. */
const FULL: ReadonlySet<string> = new Set(["key_full", "publisher_full", "holder_full"]);

/** The part of a hub that others ask. */
export class Holder {
  readonly records: Records<VerifiedRecord>;
  /** Our own statement, for replies in which we are one of the closest. */
  self: Contact | undefined;
  readonly #options: DhtOptions;
  readonly #table: RoutingTable<Contact>;

  constructor(options: DhtOptions, table: RoutingTable<Contact>) {
    this.#options = options;
    this.#table = table;
    this.records = new Records(options);
  }

  /** The k closest to `target` that we know, ourselves among them, and not the one who asks. */
  closest(target: Uint8Array, asker: Asker, now: number): Contact[] {
    const { closestCount } = this.#options, { self } = this;
    const isNamed = self !== undefined && self.expiresAt > now && self.node !== asker?.node;
    return this.#table.closest(target, closestCount, { validAt: now, except: asker, with: isNamed ? self : undefined });
  }

  /** Answers another hub. */
  findNode(from: Peer, asker: Asker, { target, requestId }: FindNodeMessage, now: number): DhtEffect {
    const nodes = this.closest(target, asker, now);
    return reply(from, { kind: "findNodeReply", requestId, nodes, refusal: undefined });
  }

  /** Answers another hub. */
  findValue(from: Peer, asker: Asker, { key, requestId, page }: FindValueMessage, now: number): DhtEffect {
    const { records, more } = this.records.page(key, page, now);
    const nodes = page === 0 ? this.closest(key, asker, now) : NO_NODES;
    return reply(from, { kind: "findValueReply", requestId, records, nodes, more, refusal: undefined });
  }

  /** Keeps what another hub or this node gives, or returns why not. */
  keep(record: VerifiedRecord, now: number, out: DhtEffect[]): Failure | undefined {
    const kept = this.records.put(record, now);
    if ("code" in kept) return kept;
    if (kept.changed) out.push({ kind: "event", event: { type: "changed", record } });
    return undefined;
  }

  /** Answers a store, where it asks for it. */
  store(from: Peer, { key, record, requestId, refusal }: StoreMessage, now: number, out: DhtEffect[]): void {
    const failure = record === undefined
      ? refusal ?? { code: "malformed", text: "Cannot keep the record: it cannot be read" }
      : equalBytes(key, record.key)
      ? this.keep(record, now, out)
      : { code: "key_mismatch", text: "Cannot keep the record: it belongs under another key" };
    if (failure !== undefined && FULL.has(failure.code)) {
      out.push({ kind: "event", event: { type: "full", code: failure.code } });
    }
    if (requestId !== undefined) out.push(storeAck(from, key, requestId, failure));
  }

  /** Whether this node belongs to the k closest to `key`, given those of the others. */
  isAmong(key: Uint8Array, closest: readonly Contact[]): boolean {
    const { closestCount, node } = this.#options;
    return closest.length < closestCount || compareDistance(key, node, closest[closestCount - 1]!.nodeBytes) < 0;
  }

  /**
   * Gives a newcomer the records that it should hold: it is one of the k closest to their keys, and closer than we are,
   * or there are not even k. Of those who hold them the next in rank do so.
   */
  handOver(newcomer: Contact, link: Peer | undefined, now: number, out: DhtEffect[]): void {
    const { closestCount, handOverMax, handOverRanks, node } = this.#options;
    let left = handOverMax, last: Uint8Array | undefined, isOurs = false;
    for (const record of this.records.all()) {
      const { key } = record;
      const isCloser = compareDistance(key, newcomer.nodeBytes, node) < 0;
      if (!isCloser && this.#table.size >= closestCount || record.expiresAt <= now) continue;
      if (last === undefined || !equalBytes(key, last)) isOurs = this.#isNextTo(newcomer, key, handOverRanks);
      last = key;
      if (!isOurs || record.node === newcomer.node) continue;
      const message: StoreMessage = { kind: "store", key, requestId: undefined, record, refusal: undefined };
      if (link === undefined && left === handOverMax) {
        out.push({ kind: "contact", peer: newcomer.node, record: newcomer });
      }
      out.push({ kind: "send", to: link ?? newcomer.node, message, lane: "control" });
      if (--left === 0) return;
    }
  }

  /** Whether a newcomer belongs to the k closest, with fewer than `ranks` between it and us. */
  #isNextTo(newcomer: Contact, key: Uint8Array, ranks: number): boolean {
    const { closestCount, node } = this.#options, closest = this.#table.closest(key, closestCount);
    const rank = closest.indexOf(newcomer);
    if (rank < 0) return false;
    const own = closest.findIndex((one) => compareDistance(key, node, one.nodeBytes) < 0);
    const ownRank = own < 0 ? closest.length : own;
    return ownRank > rank ? ownRank - rank <= ranks : rank - ownRank < ranks;
  }
}

/** The answer to a store. */
export function storeAck(
  to: Peer,
  key: Uint8Array,
  requestId: number | undefined,
  refusal: Failure | undefined,
): DhtEffect {
  const message: StoreAckMessage = { kind: "storeAck", key, requestId, refusal };
  return { kind: "send", to, message, lane: "control" };
}

/** A message on the lane of all of the hash table's. */
export function reply(to: Peer, message: FindNodeReplyMessage | FindValueReplyMessage): DhtEffect {
  return { kind: "send", to, message, lane: "control" };
}
