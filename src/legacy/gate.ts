/**
 * The door of a gateway for peers of Macula 0.20: takes their connections, gives each client a seat, and answers what
 * the original's gateway answers by itself.
 *
 *     connection ── CONNECT (our realm's name) ──▶ seat ◀──▶ link into the node
 *         │                └─ another realm ──▶ FIN, close
 *         └── no CONNECT ──▶ questions; and what names a client that is there, from the same host
 *
 * @module
 */

import { LruMap } from "../base/lru.ts";
import { type NodeId, nodeId } from "../identity/mod.ts";
import type { Stranger } from "../link/establish.ts";
import type { PeerIdentity } from "../link/handshake.ts";
import type { Link, LinkEnd } from "../link/link.ts";
import type { PubsubCommand } from "../pubsub/messages.ts";
import type { RpcCommand } from "../rpc/messages.ts";
import { type Connect, Decoder, type Message } from "../wire/mod.ts";
import { type Address, formatAddress } from "../transport/transport.ts";
import { Counters, type LegacyStats } from "./counters.ts";
import type { GateNode, GateOptions, Known, Question } from "./gate_options.ts";
import { Directory } from "./records/directory.ts";
import { eventOf, Guest, type GuestEffect, type StreamId } from "./client/guest.ts";
import { clientOf, localLink } from "./local_link.ts";
import type { GatewayEntry } from "./records/questions.ts";
import { Inquiries } from "./records/inquiries.ts";
import { procedureIn, proceduresIn, topicIn, topicsIn } from "./records/names_in.ts";
import { Repeats } from "./repeats.ts";
import { Returning } from "./client/returning.ts";
import { Seat, type SeatOwner } from "./client/seat.ts";
import type { LegacyStream } from "./stream.ts";
import { Unconnected } from "./client/unconnected.ts";
import { Visit, type VisitOwner } from "./client/visit.ts";
import { Visits } from "./client/visits.ts";
import { readWireId, type WireId } from "./wire_id.ts";

/** Connections without a client that are served at once. */
export const STRANGERS_MAX = 1_000;
/** Streams of one client: the original opens another one each time that it is told of this gateway. */
export const STREAMS_PER_CLIENT_MAX = 64;
/** Nodes that are known to have proven their ids: nobody may claim one of these. */
const PROVEN_MAX = 100_000;
const SWEEP_MS = 60_000;

/** The door for peers of the original. */
export class LegacyGate implements SeatOwner, VisitOwner {
  readonly #options: GateOptions;
  readonly #id: WireId;
  readonly #counters = new Counters();
  readonly #repeats = new Repeats();
  readonly #decoder = new Decoder();
  readonly #directory: Directory;
  readonly #inquiries: Inquiries;
  readonly #unconnected: Unconnected;
  readonly #visits = new Visits((visit) => this.isServed(visit));
  readonly #seatOf = new Map<LegacyStream, Seat>();
  readonly #seats = new Map<NodeId, Seat>();
  readonly #ours = new WeakSet<PeerIdentity>();
  readonly #proven = new LruMap<NodeId, true>(PROVEN_MAX);
  readonly #returning = new Returning();
  readonly #since: number;
  #node!: GateNode;
  #streams = 0;
  #cancelSweep: () => void;
  #closed = false;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#since = options.timers.now();
    this.#id = readWireId(options.self.nodeBytes)!;
    this.#directory = new Directory({
      rights: options.rights,
      now: () => this.now(),
      seat: (node) => this.#seats.get(node),
      knows: (host) => this.#visits.knows(host),
      isOther: (node, host) => this.#isProven(node) || node === this.#id.node || this.#isElsewhere(node, host),
      give: (seat, message) => this.give(seat, message),
      refused: (code, about, node) => this.#refused(code, about, node),
    });
    this.#inquiries = new Inquiries({
      directory: this.#directory,
      gateway: () => this.#entry(),
      clients: () =>
        [...this.#seats.values()].map(({ guest, endpoint, lastSeen }) => ({ id: guest.id, endpoint, lastSeen })),
      node: () => this.#node,
      now: () => this.now(),
      refused: (code, about) => this.#refused(code, about),
    });
    this.#unconnected = new Unconnected({
      realm: options.realm,
      hub: this.#id,
      seat: (node) => this.#seats.get(node),
      hostOf: (stream) => this.#visits.of(stream)?.host ?? "",
      knows: (host) => this.#visits.knows(host),
      isProven: (node) => this.#isProven(node),
      now: () => this.now(),
      admit: (stream, id) => this.#admit(stream, id, "", false).then(() => this.#seatOf.get(stream)),
      refused: (code, about) => this.#refused(code, about),
    });
    this.#cancelSweep = options.timers.after(SWEEP_MS, () => this.#sweep());
  }

  /** Gives it the node that it serves; before the first connection. */
  bind(node: GateNode): void {
    this.#node = node;
  }

  /** What it counted. */
  stats(): LegacyStats {
    return {
      clients: this.#seats.size,
      connections: this.#visits.size,
      records: this.#directory.size,
      ...this.#counters.all(),
    };
  }

  /** Ends all connections; the clients' links have ended before. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelSweep();
    await Promise.all([...this.#visits].map((visit) => visit.end("normal")));
  }

  now(): number {
    return this.#options.timers.now();
  }

  // From the node

  take(stranger: Stranger): void {
    if (this.#closed || this.#visits.unserved >= STRANGERS_MAX) {
      this.#counters.refused("too_busy");
      return stranger.connection.close(1, "too_busy");
    }
    const { timers, frameBytesMax, throttle } = this.#options;
    const options = {
      timers,
      frameBytesMax,
      throttle,
      decoder: this.#decoder,
      owner: this,
      nextStream: () => ++this.#streams,
    };
    this.#visits.add(new Visit(stranger, options));
  }

  heard(message: Message): void {
    for (const topic of topicsIn(message)) this.#directory.named(topic, "topic");
    for (const procedure of proceduresIn(message)) this.#directory.named(procedure, "procedure");
  }

  asked(command: RpcCommand | PubsubCommand): void {
    const procedure = procedureIn(command), topic = topicIn(command);
    if (procedure !== undefined) this.#directory.named(procedure, "procedure");
    if (topic !== undefined) this.#directory.named(topic, "topic");
  }

  async elsewhere(procedure: string): Promise<readonly Uint8Array[]> {
    return (await this.#node.others({ procedure })).filter(({ known }) => known.serves).map(({ hub }) => hub);
  }

  /** What this gateway knows by itself; another one asks. */
  known(question: Question): Promise<Known> {
    return this.#inquiries.known(question);
  }

  /** A node that has proven its id takes it from a client that only said so. */
  linkUp({ peer }: Link): void {
    if (this.#ours.has(peer)) return;
    this.#proven.set(peer.node, true);
    this.#seats.get(peer.node)?.dismiss("id_proven_by_another", "another node has proven this id");
  }

  // From connections

  onStream(visit: Visit, stream: LegacyStream): void {
    this.#visits.join(visit, stream);
  }

  onMessage(stream: LegacyStream, message: Message): Promise<void> | undefined {
    const seat = this.#seatOf.get(stream);
    if (message.kind === "connect") return this.#connect(stream, message);
    const { host, connection: { remote } } = this.#visits.of(stream)!;
    const asker = seat ?? (message.kind === "store" ? this.#unconnected.near(stream, message) : undefined);
    const isKnown = seat !== undefined || this.#visits.knows(host);
    const answered = this.#inquiries.handle(message, { stream, seat: asker, remote, isKnown });
    if (answered !== "not_mine") return answered;
    if (message.kind === "pubsubRoute" && !this.#unconnected.isForUs(message)) return undefined;
    if (seat === undefined) return this.#unconnected.handle(stream, message);
    if (message.kind === "subscribe") this.#directory.saidByFrame(seat, message.topics, true);
    if (message.kind === "unsubscribe") this.#directory.saidByFrame(seat, message.topics, false);
    return seat.fromClient(stream, message);
  }

  onTooFast(): void {
    this.#counters.refused("too_fast");
  }

  onMalformed(_: LegacyStream): void {
    this.#counters.refused("malformed_frame");
  }

  onEnd(stream: LegacyStream): void {
    this.#visits.part(stream);
    this.#leave(stream);
  }

  onGone(visit: Visit): void {
    this.#visits.delete(visit);
  }

  isServed({ streams }: Visit): boolean {
    for (const stream of streams) if (this.#seatOf.has(stream)) return true;
    return false;
  }

  // From seats

  stream(id: StreamId): LegacyStream | undefined {
    return this.#visits.stream(id);
  }

  give(seat: Seat, message: Message): void {
    const { near } = seat;
    if (near === undefined || !near.open) return;
    near.messages.received++;
    const isSaid = message.kind === "publish" || message.kind === "rpcRequest";
    if (this.#node.speak === undefined || !isSaid) return this.#node.received(near, message);
    this.#node.speak(message, seat.guest.id.node)?.then((reply) => seat.received(near, reply));
  }

  pause({ near }: Seat): Promise<void> | undefined {
    return this.#node.pause(this.#node.speak === undefined ? near : undefined);
  }

  onEffect(seat: Seat, effect: GuestEffect): void {
    switch (effect.kind) {
      case "amongGuests":
        for (const one of this.#seats.values()) {
          if (!one.guest.wantsForeign(effect.publish.topic)) continue;
          if (one.push(eventOf(effect.publish))) this.#counters.delivered();
          else this.#counters.refused("slow_consumer");
        }
        return this.#counters.published();
      case "refused":
        return this.#refused(effect.code, effect.about, seat.guest.id.node);
      case "repeat":
        return this.#counters.repeated();
      case "mesh":
        if (effect.message.kind === "publish") this.#counters.published();
        if (effect.message.kind === "rpcRequest") this.#counters.called();
        return;
      case "write":
        if (effect.message.kind === "publish") this.#counters.delivered();
        return;
    }
  }

  #connect(stream: LegacyStream, connect: Connect): Promise<void> | undefined {
    const { realmId, endpoint = "" } = connect, id = readWireId(connect.nodeId);
    if (realmId !== this.#options.realm) return this.#turnAway(stream, "wrong_realm", realmId);
    if (id === undefined || id.node === this.#id.node || this.#isProven(id.node)) {
      return this.#turnAway(stream, "bad_identity", id?.node ?? "none");
    }
    const known = this.#seats.get(id.node);
    if (known !== undefined && known.streams.length >= STREAMS_PER_CLIENT_MAX) {
      return this.#turnAway(stream, "too_many_streams", id.node);
    }
    return this.#admit(stream, id, endpoint, true);
  }

  /** Seats a client on a stream, with the greeting that CONNECT is answered by. */
  async #admit(stream: LegacyStream, id: WireId, endpoint: string, isGreeted: boolean): Promise<void> {
    const known = this.#seats.get(id.node), before = this.#seatOf.get(stream);
    if (before !== known) this.#leave(stream);
    const seat = known ?? this.#seat(id, endpoint, this.#visits.of(stream)!.connection.remote);
    if (seat === undefined) return this.#turnAway(stream, "max_clients_reached", id.node);
    this.#seatOf.set(stream, seat);
    seat.join(stream);
    if (isGreeted) seat.endpoint = endpoint;
    await seat.up;
    if (!isGreeted) return;
    const timestamp = Math.floor(this.now()), { endpoint: ours } = this.#entry();
    stream.write({ kind: "pong", timestamp, serverTime: timestamp, nodeId: this.#id.wire, endpoint: ours });
  }

  #seat(id: WireId, endpoint: string, remote: Address): Seat | undefined {
    const { realm, rights, random, timers, self, frameBytesMax } = this.#options;
    const peer = clientOf(id, endpoint, realm, rights);
    if (this.#node.links.refusal(peer) !== undefined) return undefined;
    const hubEndpoint = this.#entry().endpoint.slice("https://".length);
    const guest = new Guest(id, {
      rights,
      realm,
      hub: this.#id,
      hubEndpoint,
      random,
      repeats: this.#repeats,
      spelled: (bytes) => this.#seats.get(nodeId(bytes))?.guest.id.wire ?? bytes,
    });
    const seat = new Seat(guest, endpoint, this);
    this.#ours.add(peer);
    this.#seats.set(id.node, seat);
    seat.up = localLink({
      peer,
      self,
      dialled: false,
      remote,
      owner: seat,
      timers,
      random,
      decoder: this.#decoder,
      frameBytesMax,
    })
      .then(({ established, far }) => {
        seat.open(far, this.#node.links.add(established));
        this.#welcomeBack(seat);
      });
    return seat;
  }

  #welcomeBack(seat: Seat): void {
    const { node } = seat.guest.id;
    seat.perform(seat.guest.subscribe({ topics: this.#returning.take(node, this.now()) }));
    this.#directory.returned(seat);
    this.#options.log("a legacy client is there", { node });
  }

  /** A stream does not belong to its client any more; without any, the client is gone. */
  #leave(stream: LegacyStream): void {
    const seat = this.#seatOf.get(stream);
    this.#seatOf.delete(stream);
    seat?.leave(stream);
    if (seat?.leaving) this.#forget(seat);
  }

  #forget(seat: Seat): void {
    const { node } = seat.guest.id;
    if (this.#seats.get(node) !== seat) return;
    this.#seats.delete(node);
    const patterns = seat.guest.patterns.filter((one) => !seat.topicsByRecord.has(one)); // records speak for themselves
    this.#returning.keep(node, patterns, this.now());
  }

  onLeft(seat: Seat, end: LinkEnd): void {
    this.#forget(seat);
    this.#options.log("a legacy client is gone", { node: seat.guest.id.node, code: end.code });
    for (const stream of [...seat.streams]) {
      const visit = this.#visits.of(stream);
      this.#seatOf.delete(stream);
      if (visit === undefined || this.isServed(visit)) void stream.finish();
      else void visit.end("normal");
    }
  }

  /** A plain end of its stream and of its connection, unless that serves another client. */
  #turnAway(stream: LegacyStream, code: string, about: string): undefined {
    const visit = this.#visits.of(stream)!;
    this.#refused(code, about);
    this.#leave(stream);
    if (this.isServed(visit)) void stream.finish();
    else void visit.end(code);
    return undefined;
  }

  /** Whether a node is a client, but not on this host. */
  #isElsewhere(node: NodeId, host: string): boolean {
    const seat = this.#seats.get(node);
    return seat !== undefined && !seat.streams.some((stream) => this.#visits.of(stream)?.host === host);
  }

  #isProven(node: NodeId): boolean {
    return this.#proven.get(node) !== undefined;
  }

  #entry(): GatewayEntry {
    const { realm } = this.#options, address = this.#node.address();
    return { id: this.#id, address, endpoint: `https://${formatAddress(address)}`, realm, since: this.#since };
  }

  #refused(code: string, about: string, node?: NodeId): void {
    if (this.#counters.refused(code) === 1) {
      this.#options.log("a legacy peer was refused something", { code, about, node });
    }
  }

  #sweep(): void {
    this.#directory.sweep();
    this.#cancelSweep = this.#options.timers.after(SWEEP_MS, () => this.#sweep());
  }
}
