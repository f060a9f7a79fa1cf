/** The lookups that run at a hub, for itself and for its edges: what they ask, and what becomes of them. @module */

import { LruMap } from "../../base/lru.ts";
import type { CommandId, Failure, Peer } from "../../base/protocol.ts";
import type { VerifiedRecord } from "../../identity/record.ts";
import type { Holder } from "../holder.ts";
import type { Links } from "../links.ts";
import { Lookup } from "../lookup.ts";
import type {
  Contact,
  DhtEffect,
  DhtMessage,
  FindNodeMessage,
  FindNodeReplyMessage,
  FindValueMessage,
  FindValueReplyMessage,
} from "../messages.ts";
import type { DhtOptions } from "../options.ts";
import type { RoutingTable } from "../routing_table.ts";
import { found, refused, stored } from "./answers.ts";
import { hasMost, hasQuorum, isEnough } from "./enough.ts";
import { Findings } from "./findings.ts";
import { type Asker, newQuery, type Query, type Request, type Storing } from "./query.ts";
import { Requests } from "./requests.ts";

/** Nodes that did not answer lately, of which it is remembered. */
const SILENT_MAX = 1_000;

/** What queries are made of. */
export interface QueriesParts {
  readonly table: RoutingTable<Contact>;
  readonly holder: Holder;
  readonly links: Links;
  /** Numbers of requests, and queries. */
  readonly deadlines: { add(at: number, value: number | Query): unknown };
  /** A query is over, its answer given. */
  ended(query: Query, now: number, out: DhtEffect[]): void;
}

/** Runs queries; effects go to the list that each method is given. */
export class Queries {
  /** Questions on their way. */
  readonly requests = new Requests();
  readonly #options: DhtOptions;
  readonly #parts: QueriesParts;
  readonly #own: string;
  readonly #running = new Set<Query>();
  readonly #waiting = new Set<Query>();
  /** Those are asked, too, but nobody waits for them. */
  readonly #silent = new LruMap<string, true>(SILENT_MAX);
  #isStarting = false;

  constructor(options: DhtOptions, parts: QueriesParts) {
    this.#options = options;
    this.#parts = parts;
    this.#own = options.node.toHex();
  }

  /** Begins a query now, or when others have ended; fails it where too many wait. */
  begin(query: Query, now: number, out: DhtEffect[]): void {
    const { lookupsMax, lookupsWaitingMax } = this.#options;
    if (this.#running.size < lookupsMax) return this.#run(query, now, out);
    if (this.#waiting.size < lookupsWaitingMax) {
      this.#waiting.add(query);
      return;
    }
    query.done = true;
    const text = `Cannot look up: at most ${lookupsWaitingMax} lookups wait for others to end`;
    this.#fail(query, { code: "overloaded", text }, out);
  }

  /** Begins to look for the records under a key. */
  findValue(
    key: Uint8Array,
    { asker, quorum }: { readonly asker: Asker; readonly quorum: number },
    now: number,
    out: DhtEffect[],
  ): void {
    this.begin(this.#valueQuery(key, asker, quorum), now, out);
  }

  /** Looks up what an edge asks for. */
  forEdge(from: Peer, message: FindNodeMessage | FindValueMessage, now: number, out: DhtEffect[]): void {
    const { requestId } = message, isValue = message.kind === "findValue", page = isValue ? message.page : 0;
    const asker: Asker = { kind: "link", peer: from, requestId, page }, refusal = this.#admit(from);
    const target = isValue ? message.key : message.target;
    const query = isValue ? this.#valueQuery(target, asker, Infinity) : newQuery(target, { type: "findNode" }, asker);
    if (refusal === undefined) this.begin(query, now, out);
    else this.#fail(query, refusal, out);
  }

  /** Hands an edge's record to those who are to hold it. */
  storeForEdge(
    from: Peer,
    { record, requestId }: { readonly record: VerifiedRecord; readonly requestId: number | undefined },
    now: number,
    out: DhtEffect[],
  ): void {
    const asker: Asker = { kind: "link", peer: from, requestId, page: 0 }, refusal = this.#admit(from);
    const query = newQuery(record.key, { type: "store", record }, asker);
    if (refusal === undefined) this.begin(query, now, out);
    else this.#fail(query, refusal, out);
  }

  /** Nobody waits for a command's answer; a lookup ends, a store goes on. */
  abandon(command: CommandId, now: number, out: DhtEffect[]): void {
    for (const query of [...this.#running, ...this.#waiting]) {
      if (query.asker.kind === "own" && query.asker.command === command) this.#disown(query, now, out);
    }
  }

  /** An edge that asked is gone. */
  linkLost(peer: Peer, now: number, out: DhtEffect[]): void {
    if (this.#parts.links.get(peer)?.role !== "edge") return; // hubs do not ask for lookups
    for (const query of [...this.#running, ...this.#waiting]) {
      if (query.asker.kind === "link" && query.asker.peer === peer) this.#disown(query, now, out);
    }
  }

  /** Asks a node for itself, to see whether it is alive and to learn its latest statement. */
  probe(contact: Contact, now: number, out: DhtEffect[]): void {
    this.#request(contact, { query: undefined, target: contact.nodeBytes }, now, out);
  }

  /** A node has said something. */
  heard(node: string): void {
    if (this.#silent.size > 0) this.#silent.delete(node);
  }

  /** A node has answered. */
  onReply(
    { query, contact, page }: Request,
    message: FindNodeReplyMessage | FindValueReplyMessage,
    now: number,
    out: DhtEffect[],
  ): void {
    if (query === undefined || query.done || query.storing !== undefined) return;
    const lookup = query.lookup!, { purpose } = query;
    if (message.refusal !== undefined) {
      lookup.failed(contact);
      return this.#advance(query, now, out);
    }
    if (purpose.type === "findValue" && message.kind === "findValueReply") {
      purpose.findings.add(contact.node, message.records);
      if (message.nodes.length > 0) lookup.heard(contact, hubs(message.nodes));
      const more = message.more;
      if (more !== undefined && more > page && more < this.#options.pagesMax) {
        return this.#request(contact, { query, target: query.target, page: more }, now, out);
      }
      lookup.answered(contact, []);
    } else {
      lookup.answered(contact, hubs(message.nodes));
    }
    this.#advance(query, now, out);
  }

  /** A holder has kept a record, or refused it. */
  onStored({ query, isSlow }: Request, refusal: Failure | undefined, now: number, out: DhtEffect[]): void {
    const storing = query?.storing;
    if (query === undefined || query.done || storing === undefined) return;
    storing.waiting--;
    if (isSlow) storing.slow--;
    if (refusal === undefined) storing.confirmed++;
    else storing.refusal = refusal;
    this.#settle(query, storing, now, out);
  }

  /** A request is due: the first time it is slow, the second time it is over and returned. */
  due(id: number, now: number, out: DhtEffect[]): Request | undefined {
    const request = this.requests.get(id);
    if (request === undefined) return undefined;
    if (request.isSlow) {
      this.requests.delete(id);
      return request;
    }
    const { queryTimeoutMs, slowAfterMs } = this.#options, { query, contact, storeKey } = request;
    request.isSlow = true;
    this.#parts.deadlines.add(now + queryTimeoutMs - slowAfterMs, id);
    if (query === undefined || query.done) return undefined;
    if (query.storing === undefined) {
      query.lookup!.slow(contact);
      this.#advance(query, now, out);
    } else if (storeKey !== undefined) {
      query.storing.slow++;
      this.#settle(query, query.storing, now, out);
    }
    return undefined;
  }

  /** A node did not answer. */
  missed({ query, contact, storeKey, isSlow }: Request, now: number, out: DhtEffect[]): void {
    this.#silent.set(contact.node, true);
    if (query === undefined || query.done) return;
    if (storeKey !== undefined) {
      query.storing!.waiting--;
      if (isSlow) query.storing!.slow--;
      return this.#settle(query, query.storing!, now, out);
    }
    if (query.storing !== undefined) return;
    query.lookup!.failed(contact);
    this.#advance(query, now, out);
  }

  /** A query's time is over: it ends with what it has. */
  giveUp(query: Query, now: number, out: DhtEffect[]): void {
    if (query.done) return;
    if (query.storing === undefined) return this.#found(query, now, out);
    query.storing.waiting = 0;
    this.#settle(query, query.storing, now, out);
  }

  #valueQuery(key: Uint8Array, asker: Asker, quorum: number): Query {
    return newQuery(key, { type: "findValue", quorum, findings: new Findings(key, this.#options) }, asker);
  }

  #run(query: Query, now: number, out: DhtEffect[]): void {
    const { closestCount, refreshClosestCount, joinPaths, lookupTimeoutMs } = this.#options, { table } = this.#parts;
    const { target, purpose } = query, seeds = table.closest(target, closestCount);
    const few = { closestCount: refreshClosestCount, pathClosestCount: refreshClosestCount };
    const width = purpose.type === "fill" ? few : purpose.type === "join" ? { paths: joinPaths } : undefined;
    table.lookedUp(target, now);
    this.#running.add(query);
    query.lookup = new Lookup(target, { ...this.#options, ...width, own: this.#own, seeds });
    if (purpose.type === "findValue") this.#addOwn(target, purpose.findings, now);
    this.#parts.deadlines.add(now + lookupTimeoutMs, query);
    this.#advance(query, now, out);
  }

  #addOwn(key: Uint8Array, findings: Findings, now: number): void {
    const { records } = this.#parts.holder;
    for (let page: number | undefined = 0; page !== undefined;) {
      const part = records.page(key, page, now);
      findings.add(this.#own, part.records);
      page = part.more;
    }
  }

  #advance(query: Query, now: number, out: DhtEffect[]): void {
    const { purpose, target } = query, lookup = query.lookup!;
    if (!hasQuorum(purpose)) {
      for (let contact = lookup.next(); contact !== undefined; contact = lookup.next()) {
        this.#request(contact, { query, target }, now, out);
        if (this.#silent.get(contact.node)) lookup.slow(contact);
      }
    }
    if (lookup.done || isEnough(query, this.#parts, this.#options)) this.#found(query, now, out);
  }

  #request(
    contact: Contact,
    about: { readonly query: Query | undefined; readonly target: Uint8Array; readonly page?: number },
    now: number,
    out: DhtEffect[],
  ): void {
    const { query, target, page = 0 } = about;
    const linked = this.#parts.links.to(contact.node), sentTo = linked ?? contact.node;
    if (linked === undefined) out.push({ kind: "contact", peer: sentTo, record: contact });
    const sender = linked === undefined ? this.#parts.holder.self : undefined;
    const requestId = this.requests.add({ contact, sentTo, query, storeKey: undefined, page, isSlow: false });
    const message: DhtMessage = query?.purpose.type === "findValue"
      ? { kind: "findValue", key: target, requestId, page, sender }
      : { kind: "findNode", target, requestId, sender };
    this.#parts.deadlines.add(now + this.#options.slowAfterMs, requestId);
    out.push({ kind: "send", to: sentTo, message, lane: "control" });
  }

  /** Where to send; what is to be dialled first gets an address. */
  #address(contact: Contact, out: DhtEffect[]): Peer {
    const peer = this.#parts.links.to(contact.node);
    if (peer === undefined) out.push({ kind: "contact", peer: contact.node, record: contact });
    return peer ?? contact.node;
  }

  // Ends

  /** The lookup is over. */
  #found(query: Query, now: number, out: DhtEffect[]): void {
    const { purpose } = query, lookup = query.lookup!;
    if (purpose.type === "store") return this.#handOut(query, purpose.record, now, out);
    const complete = hasQuorum(purpose) || hasMost(lookup, this.#parts, this.#options);
    const answer = found(query, lookup, { complete, replyBytesMax: this.#options.replyBytesMax, now });
    if (answer !== undefined) out.push(answer);
    this.#end(query, now, out);
  }

  /** Gives a record to the k closest, this node among them where it is one. */
  #handOut(query: Query, record: VerifiedRecord, now: number, out: DhtEffect[]): void {
    const { closestCount, slowAfterMs } = this.#options, { closest, slowest } = query.lookup!;
    const storing: Storing = { asked: 0, confirmed: 0, waiting: 0, slow: 0, refusal: undefined };
    query.storing = storing;
    if (this.#parts.holder.isAmong(record.key, closest)) {
      storing.asked++;
      storing.refusal = this.#parts.holder.keep(record, now, out);
      if (storing.refusal === undefined) storing.confirmed++;
      if (closest.length >= closestCount) closest.pop();
    }
    for (const contact of closest) {
      const { key } = record, sentTo = this.#address(contact, out);
      const requestId = this.requests.add({ contact, sentTo, query, storeKey: key, page: 0, isSlow: false });
      this.#parts.deadlines.add(now + slowAfterMs, requestId);
      const message: DhtMessage = { kind: "store", key, requestId, record, refusal: undefined };
      out.push({ kind: "send", to: sentTo, message, lane: "control" });
      storing.asked++;
      storing.waiting++;
    }
    for (const contact of slowest) {
      const message: DhtMessage = { kind: "store", key: record.key, requestId: undefined, record, refusal: undefined };
      out.push({ kind: "send", to: this.#address(contact, out), message, lane: "control" });
    }
    this.#settle(query, storing, now, out);
  }

  /** Those that are slow are not waited for once most have confirmed. */
  #settle(query: Query, { asked, confirmed, waiting, slow, refusal }: Storing, now: number, out: DhtEffect[]): void {
    if (waiting > slow || waiting > 0 && 2 * confirmed <= asked) return;
    const text = `Cannot store the record: none of ${asked} nodes asked has confirmed it`;
    if (confirmed > 0) {
      const answer = stored(query, { confirmed, asked });
      if (answer !== undefined) out.push(answer);
    } else {
      this.#fail(query, refusal ?? { code: "no_holder", text }, out);
    }
    this.#end(query, now, out);
  }

  #fail(query: Query, error: Failure, out: DhtEffect[]): void {
    const answer = refused(query, error);
    if (answer !== undefined) out.push(answer);
  }

  #disown(query: Query, now: number, out: DhtEffect[]): void {
    this.#release(query);
    query.asker = { kind: "nobody" };
    if (query.purpose.type === "findNode" || query.purpose.type === "findValue") this.#end(query, now, out);
  }

  #end(query: Query, now: number, out: DhtEffect[]): void {
    if (query.done) return;
    query.done = true;
    this.#release(query);
    this.#running.delete(query);
    this.#waiting.delete(query);
    this.#parts.ended(query, now, out);
    query.lookup = undefined; // its deadline holds on to the query for a while
    this.#runWaiting(now, out);
  }

  #runWaiting(now: number, out: DhtEffect[]): void {
    if (this.#isStarting) return; // one that ends at once must not start the next from within itself, and so on
    this.#isStarting = true;
    for (const next of this.#waiting) {
      if (this.#running.size >= this.#options.lookupsMax) break;
      this.#waiting.delete(next);
      this.#run(next, now, out);
    }
    this.#isStarting = false;
  }

  /** Counts the lookups of an edge; a refusal where it has too many. */
  #admit(from: Peer): Failure | undefined {
    const link = this.#parts.links.get(from), { lookupsPerLinkMax } = this.#options;
    if (link === undefined) return undefined;
    if (link.lookups >= lookupsPerLinkMax) {
      return { code: "overloaded", text: `Cannot look up: a client has at most ${lookupsPerLinkMax} lookups at once` };
    }
    link.lookups++;
    return undefined;
  }

  #release({ asker }: Query): void {
    const link = asker.kind === "link" ? this.#parts.links.get(asker.peer) : undefined;
    if (link !== undefined) link.lookups--;
  }
}

/** Those that can be asked. */
function hubs(nodes: readonly Contact[]): readonly Contact[] {
  return nodes.every(({ role }) => role === "hub") ? nodes : nodes.filter(({ role }) => role === "hub");
}
