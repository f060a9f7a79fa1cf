/**
 * The hash table at a hub: finds nodes and records by asking ever closer nodes, keeps records for others, and keeps its
 * own alive.
 *
 *     command ─▶ lookup: ask the closest known ─▶ answer
 *                        ▲              │  └─ store ─▶ hand the record to the k closest ─▶ acknowledged ─▶ answer
 *                        └── replies ◀──┘
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import { Deadlines } from "../base/deadlines.ts";
import type { CommandId, Core, Peer } from "../base/protocol.ts";
import type { VerifiedRecord } from "../identity/record.ts";
import { Holder, storeAck } from "./holder.ts";
import { type Link, Links } from "./links.ts";
import {
  type Contact,
  type DhtCommand,
  type DhtEffect,
  type DhtEvent,
  type DhtInput,
  type DhtMessage,
  type DhtTimer,
  type FindNodeReplyMessage,
  type FindValueReplyMessage,
  INTRODUCE_BACK,
  type StoreAckMessage,
  type StoreMessage,
} from "./messages.ts";
import type { DhtOptions } from "./options.ts";
import { type Publication, Publications } from "./publications.ts";
import { Queries } from "./query/queries.ts";
import { newQuery, type Query, type Request } from "./query/query.ts";
import { idInBucket, RoutingTable } from "./routing_table.ts";

/** When a record that nobody has kept is stored again. */
const RETRY_AFTER_MS = 15_000;
/** Hubs with a link that a round of upkeep introduces this one to; a guess: more than ever lack at once in a small mesh. */
const REINTRODUCTIONS_MAX = 20;
/** Each time that we look for our neighbours again, the next is so many times later. */
const REJOIN_FACTOR = 4;

/** Look for our neighbours again. */
interface Rejoin {
  readonly afterMs: number;
}

/** The hash table's protocol at a hub. */
export class DhtCore implements Core<DhtMessage, DhtCommand, DhtTimer, DhtEvent> {
  readonly #options: DhtOptions;
  readonly #table: RoutingTable<Contact>;
  readonly #holder: Holder;
  readonly #links = new Links();
  readonly #publications: Publications;
  readonly #queries: Queries;
  readonly #deadlines = new Deadlines<number | Query | Publication | Rejoin>();
  /** Buckets that are to be filled after we have joined, the next one last. */
  #unfilled: number[] = [];
  #timerAt = Infinity;
  /** Whether the earliest deadline may be earlier than the timer: it is not looked for with every question. */
  #isUnarmed = false;
  #hasUpkeep = false;
  #hasJoined = false;

  constructor(options: DhtOptions) {
    this.#options = options;
    this.#table = new RoutingTable(options.node, {
      bucketSize: options.closestCount,
      probeEveryMs: options.probeEveryMs,
    });
    this.#holder = new Holder(options, this.#table);
    this.#publications = new Publications(options);
    this.#queries = new Queries(options, {
      table: this.#table,
      holder: this.#holder,
      links: this.#links,
      deadlines: { add: (at, value) => this.#hold(at, value) },
      ended: (query, now, out) => this.#ended(query, now, out),
    });
  }

  /** The nodes that are known. */
  get table(): Pick<RoutingTable<Contact>, "size" | "closest" | "entries"> {
    return this.#table;
  }

  /** Whether no other hub is known, nor linked with. */
  get isAlone(): boolean {
    return this.#table.size === 0 && this.#links.hubs.size === 0;
  }

  /** The records that are held for others. */
  get records(): { readonly size: number; readonly bytes: number; all(): Iterable<VerifiedRecord> } {
    return this.#holder.records;
  }

  handle(input: DhtInput, now: number): readonly DhtEffect[] {
    const out: DhtEffect[] = [];
    if (!this.#hasUpkeep) {
      this.#hasUpkeep = true; // the first at any time, so that not all nodes begin at once
      const afterMs = this.#options.upkeepEveryMs * this.#options.random.number();
      out.push({ kind: "timer", afterMs, timer: { type: "upkeep" } });
    }
    switch (input.kind) {
      case "received":
        this.#received(input.from, input.message, now, out);
        break;
      case "command":
        this.#command(input.id, input.command, now, out);
        break;
      case "timer":
        this.#onTimer(input.timer, now, out);
        break;
      case "peerUp":
        this.#peerUp(input, out);
        break;
      case "peerDown":
        this.#peerDown(input.peer, now, out);
        break;
    }
    if (this.#isUnarmed) this.#arm(now, out);
    return out;
  }

  #received(from: Peer, message: DhtMessage, now: number, out: DhtEffect[]): void {
    const link = this.#links.get(from), node = link?.node ?? from, isEdge = link?.role === "edge";
    switch (message.kind) {
      case "findNode":
        if (isEdge) return this.#queries.forEdge(from, message, now, out);
        this.#asked(link, message.sender, now, out);
        out.push(this.#holder.findNode(from, link, message, now));
        return;
      case "findValue":
        if (isEdge) return this.#queries.forEdge(from, message, now, out);
        this.#asked(link, message.sender, now, out);
        out.push(this.#holder.findValue(from, link, message, now));
        return;
      case "store":
        return isEdge ? this.#onEdgeStore(from, node, message, now, out) : this.#onStore(from, node, message, now, out);
      case "findNodeReply":
      case "findValueReply":
        return this.#onReply(node, message, now, out);
      case "storeAck":
        return this.#onStoreAck(node, message, now, out);
    }
  }

  #command(id: CommandId, command: DhtCommand, now: number, out: DhtEffect[]): void {
    const asker = { kind: "own", command: id } as const;
    switch (command.type) {
      case "self": {
        const before = this.#holder.self;
        this.#holder.self = command.record;
        const same = before !== undefined && before.endpoints.join() === command.record.endpoints.join();
        const requestId = this.#table.size === 0 ? INTRODUCE_BACK : undefined;
        if (!same) { for (const [peer] of this.#links.hubs) this.#introduce(peer, requestId, out); }
        return;
      }
      case "contact":
        return this.#met(command.record, now, out);
      case "join":
        for (const [peer, link] of this.#links.hubs) {
          if (this.#table.get(link) === undefined) this.#introduce(peer, INTRODUCE_BACK, out);
        }
        return this.#queries.begin(newQuery(this.#options.node, { type: "join" }, asker), now, out);
      case "findNode":
        return this.#queries.begin(newQuery(command.target, { type: "findNode" }, asker), now, out);
      case "findValue":
        return this.#queries.findValue(command.key, { asker, quorum: command.quorum ?? Infinity }, now, out);
      case "store":
        return this.#store(command.record, id, now, out);
      case "publish": {
        const { record } = command, failure = this.#publications.add(record);
        if (failure !== undefined) {
          out.push({ kind: "fail", id, error: failure });
          return;
        }
        this.#hold(this.#publications.renewAt(record, now), { record, next: "renew" });
        return this.#store(record, id, now, out);
      }
      case "withdraw":
        this.#publications.remove(command.record);
        return this.#store(command.record, id, now, out);
      case "abandon":
        return this.#queries.abandon(command.command, now, out);
    }
  }

  #store(record: VerifiedRecord, command: CommandId | undefined, now: number, out: DhtEffect[]): void {
    const asker = command === undefined ? { kind: "nobody" } as const : { kind: "own", command } as const;
    this.#queries.begin(newQuery(record.key, { type: "store", record }, asker), now, out);
  }

  // What others send

  #onStore(from: Peer, node: string, message: StoreMessage, now: number, out: DhtEffect[]): void {
    const { record, requestId } = message;
    if (record?.kind === "node" && record.node === node) {
      this.#met(record, now, out); // it introduces itself
      if (requestId === INTRODUCE_BACK) this.#introduce(from, undefined, out);
      if (requestId === undefined || requestId === INTRODUCE_BACK) return;
    }
    this.#holder.store(from, message, now, out);
  }

  /** An edge's own record goes to those who are to hold it. */
  #onEdgeStore(from: Peer, node: string, message: StoreMessage, now: number, out: DhtEffect[]): void {
    const { key, record, requestId, refusal } = message;
    const failure = record === undefined || !equalBytes(key, record.key)
      ? refusal ?? { code: "key_mismatch", text: "Cannot keep the record: it belongs under another key" }
      : record.node !== node
      ? { code: "not_the_publisher", text: "Cannot keep the record: it must be the sender's own" }
      : undefined;
    if (failure === undefined) return this.#queries.storeForEdge(from, { record: record!, requestId }, now, out);
    if (requestId !== undefined) out.push(storeAck(from, key, requestId, failure));
  }

  #onReply(
    node: string,
    message: FindNodeReplyMessage | FindValueReplyMessage,
    now: number,
    out: DhtEffect[],
  ): void {
    const request = this.#queries.requests.take(message.requestId, node);
    if (request === undefined || request.storeKey !== undefined) return;
    const { prefix } = request.contact; // a reply may hold the sender's latest statement
    const fresh = message.nodes.find((one) => one.prefix === prefix && one.node === node);
    this.#met(fresh !== undefined && fresh.sequence > request.contact.sequence ? fresh : request.contact, now, out);
    this.#queries.onReply(request, message, now, out);
  }

  #onStoreAck(node: string, message: StoreAckMessage, now: number, out: DhtEffect[]): void {
    const request = this.#queries.requests.takeStore(message.requestId, message.key, node);
    if (request === undefined) return;
    this.#met(request.contact, now, out);
    this.#queries.onStored(request, message.refusal, now, out);
  }

  // Nodes come and go

  /** A hub has shown that it is alive. */
  #met(contact: Contact, now: number, out: DhtEffect[]): void {
    if (contact.role !== "hub") return;
    this.#queries.heard(contact.node);
    const isFirst = this.#table.size === 0, added = this.#table.add(contact, now);
    if (added.outcome === "full") return this.#queries.probe(added.probe, now, out);
    if (added.outcome !== "added") return;
    this.#holder.handOver(contact, this.#links.to(contact.node), now, out);
    if (isFirst) this.#queries.begin(newQuery(this.#options.node, { type: "join" }, { kind: "nobody" }), now, out);
  }

  /** Whom we dial hears who we are with the first question. A node that knows nobody introduces itself to all. */
  #peerUp({ peer, node, role }: Extract<DhtInput, { kind: "peerUp" }>, out: DhtEffect[]): void {
    this.#links.add(peer, node, role);
    if (role === "hub" && this.#table.size === 0) this.#introduce(peer, INTRODUCE_BACK, out);
  }

  /** Another hub has asked us. */
  #asked(link: Link | undefined, sender: Contact | undefined, now: number, out: DhtEffect[]): void {
    if (sender !== undefined && sender.node === link?.node) this.#met(sender, now, out);
    else if (link !== undefined) {
      this.#queries.heard(link.node);
      this.#table.seen(link, now);
    }
  }

  #introduce(peer: Peer, requestId: number | undefined, out: DhtEffect[]): void {
    const record = this.#holder.self;
    if (record === undefined) return;
    const message: DhtMessage = { kind: "store", key: record.key, requestId, record, refusal: undefined };
    out.push({ kind: "send", to: peer, message, lane: "control" });
  }

  #missed(request: Request, now: number, out: DhtEffect[]): void {
    const { gone, next, doubted } = this.#table.failed(request.contact);
    if (gone && next !== undefined) this.#queries.probe(next, now, out);
    if (doubted) this.#queries.probe(request.contact, now, out);
    this.#queries.missed(request, now, out);
  }

  #peerDown(peer: Peer, now: number, out: DhtEffect[]): void {
    this.#queries.linkLost(peer, now, out);
    this.#links.remove(peer);
    for (const request of this.#queries.requests.takeLost(peer)) this.#missed(request, now, out);
  }

  // Time

  /** Most questions are answered long before they are due: half of all timers would be for nothing. */
  readonly #matters = (due: number | Query | Publication | Rejoin): boolean =>
    typeof due === "number" ? this.#queries.requests.get(due) !== undefined : !("done" in due && due.done);

  #hold(at: number, value: number | Query | Publication | Rejoin): void {
    this.#deadlines.add(at, value);
    this.#isUnarmed = true;
  }

  #arm(now: number, out: DhtEffect[]): void {
    this.#isUnarmed = false;
    if (this.#deadlines.nextAt >= this.#timerAt) return;
    this.#deadlines.skip(this.#matters);
    const at = this.#deadlines.nextAt;
    if (at >= this.#timerAt) return;
    this.#timerAt = at;
    out.push({ kind: "timer", afterMs: Math.max(0, at - now), timer: { type: "deadlines", at } });
  }

  #onTimer(timer: DhtTimer, now: number, out: DhtEffect[]): void {
    if (timer.type === "upkeep") return this.#upkeep(now, out);
    if (timer.at !== this.#timerAt) return;
    this.#timerAt = Infinity;
    this.#isUnarmed = true;
    for (let due = this.#deadlines.takeDue(now); due !== undefined; due = this.#deadlines.takeDue(now)) {
      if (typeof due === "number") {
        const late = this.#queries.due(due, now, out);
        if (late !== undefined) this.#missed(late, now, out);
      } else if ("next" in due) {
        this.#renew(due, now, out);
      } else if ("afterMs" in due) {
        this.#rejoin(due.afterMs, now, out);
      } else {
        this.#queries.giveUp(due, now, out);
      }
    }
  }

  /** Who joined with us did not know us, nor we them: soon we do, and later ever more seldom there is news. */
  #rejoin(afterMs: number, now: number, out: DhtEffect[]): void {
    const nextMs = Math.min(REJOIN_FACTOR * afterMs, this.#options.refreshAfterMs);
    this.#hold(now + nextMs, { afterMs: nextMs });
    this.#queries.begin(newQuery(this.#options.node, { type: "findNode" }, { kind: "nobody" }), now, out);
  }

  #renew({ record, next }: Publication, now: number, out: DhtEffect[]): void {
    if (!this.#publications.isCurrent(record)) return;
    if (next === "renew") out.push({ kind: "event", event: { type: "renew", record } });
    else this.#store(record, undefined, now, out);
  }

  #upkeep(now: number, out: DhtEffect[]): void {
    const { upkeepEveryMs, refreshAfterMs } = this.#options;
    out.push({ kind: "timer", afterMs: upkeepEveryMs, timer: { type: "upkeep" } });
    this.#holder.records.sweep(now);
    this.#meetAgain(out);
    for (const contact of this.#table.probes(now)) this.#queries.probe(contact, now, out);
    const stale = this.#table.stale(now - refreshAfterMs);
    if (stale !== undefined && this.#unfilled.length === 0) this.#fill(stale, now, out);
  }

  /**
   * A hub that was slow for a while was evicted while its link went on: nothing would bring it back, and two parts of a
   * mesh whose hubs evicted each other would stay apart for as long as their links last.
   */
  #meetAgain(out: DhtEffect[]): void {
    let left = REINTRODUCTIONS_MAX;
    for (const [peer, link] of this.#links.hubs) {
      if (left === 0) return;
      if (this.#table.isFullFor(link) || this.#table.get(link) !== undefined) continue; // as with most
      left--;
      this.#introduce(peer, INTRODUCE_BACK, out);
    }
  }

  #fill(bucket: number, now: number, out: DhtEffect[]): void {
    const target = idInBucket(this.#options.node, bucket, this.#options.random.bytes(this.#options.node.length));
    this.#queries.begin(newQuery(target, { type: "fill" }, { kind: "nobody" }), now, out);
  }

  /** What follows from the end of a query. */
  #ended({ purpose, storing }: Query, now: number, out: DhtEffect[]): void {
    if (purpose.type === "join") { // all buckets but that of the closest neighbour, paper section 2.3
      this.#unfilled = Array.from({ length: Math.max(0, this.#table.depth - 1) }, (_, i) => i);
      for (const record of this.#publications.takeThin()) this.#store(record, undefined, now, out);
      const { rejoinAfterMs } = this.#options;
      if (!this.#hasJoined) this.#hold(now + rejoinAfterMs, { afterMs: rejoinAfterMs });
      this.#hasJoined = true;
    }
    if (purpose.type === "join" || purpose.type === "fill") {
      const enough = this.#options.refreshEnough;
      let bucket = this.#unfilled.pop(); // the deepest first: on the way there shallower ones fill by themselves
      while (bucket !== undefined && this.#table.countIn(bucket) >= enough) bucket = this.#unfilled.pop();
      if (bucket !== undefined) this.#fill(bucket, now, out);
    }
    if (purpose.type !== "store" || storing === undefined) return;
    this.#publications.stored(purpose.record, storing.asked < this.#options.closestCount);
    if (storing.confirmed > 0) return;
    if (this.#publications.isCurrent(purpose.record)) {
      this.#hold(now + RETRY_AFTER_MS, { record: purpose.record, next: "retry" });
    }
  }
}
