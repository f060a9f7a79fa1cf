/**
 * A node: its links, its protocol cores, and the two switches between them. `#dispatch` gives a message to the core it
 * is for; `#perform` carries out what a core wants done. Everything here happens in one turn of the event loop.
 *
 * @module
 */

import type { Core, Failure, Input, Lane, Peer } from "../base/protocol.ts";
import { DhtClient } from "../dht/client.ts";
import { DhtCore } from "../dht/core.ts";
import type { DhtCommand, DhtMessage, DhtTimer, NodesFound, RecordEvent } from "../dht/messages.ts";
import type { DhtOptions } from "../dht/options.ts";
import { toWire } from "../dht/wire_form.ts";
import { type NodeId, nodeIdBytes, type NodeRecord, renewed } from "../identity/mod.ts";
import type { Link, LinkEnd, LinkOwner } from "../link/link.ts";
import { LinkTable } from "../link/link_table.ts";
import { Reach } from "../link/reach/reach.ts";
import { parseRealm } from "../names/mod.ts";
import { PubsubCore } from "../pubsub/core.ts";
import type { PubsubCommand, PubsubEvent, PubsubMessage, PubsubTimer } from "../pubsub/messages.ts";
import { RpcCore } from "../rpc/core.ts";
import type { Outcome, RpcCommand, RpcEvent, RpcMessage, RpcTimer } from "../rpc/messages.ts";
import { type Burst, encodeFrame, type Message, type Publish, sharesFrame } from "../wire/mod.ts";
import { Alarm } from "./alarm.ts";
import { type Asked, Commands } from "./commands.ts";
import { Directory } from "./directory/directory.ts";
import { type AnyEffect, type AnyTimer, type CoreName, CORES, type HashTableSize } from "./cores.ts";
import { Intake } from "./intake.ts";
import { dialPatienceMs, type NodeOptions } from "./limits.ts";
import { Slab } from "../base/slab.ts";
import { Relief } from "./relief.ts";
import { Traffic } from "./traffic.ts";
import { Trust } from "./trust.ts";

/** A peer that is a node instead of a link. */
const NODE_ID_DIGITS = 64;

/** One running participant. */
export class Node implements LinkOwner {
  readonly links: LinkTable;
  /** Dials nodes by their id. */
  readonly reach: Reach<CoreName>;
  /** What other hubs serve and want; undefined at an edge, whose hub knows. */
  readonly directory: Directory | undefined;
  /** Slows down whoever fills a queue. */
  readonly relief: Relief;
  /** What the links may do, and what was refused. */
  readonly trust: Trust;
  /** What an application sends to itself is copied into: it may write to its own bytes afterwards. */
  readonly slab: Slab = new Slab();
  readonly #options: NodeOptions;
  readonly #pubsub: PubsubCore;
  readonly #rpc: RpcCore;
  readonly #dht: DhtCore | DhtClient;
  readonly #intake: Intake;
  readonly #alarm: Alarm<AnyTimer>;
  readonly #commands = new Commands();
  readonly #past = new Traffic();

  constructor(options: NodeOptions) {
    const { self, runtime, limits, budget } = options, hub = self.role === "hub", node = self.identity.idBytes;
    this.#options = options;
    this.relief = new Relief(runtime.timers);
    this.#alarm = new Alarm(runtime.timers, ({ core, timer }) => {
      this.#give(core, { kind: "timer", timer: timer as never });
    });
    const { audit, listener: { refused: onRefused } } = options, { timers } = runtime;
    const reject = (run: number, failure: Failure) => this.handled(run, failure),
      linkOf = (to: Peer) => this.#linkTo(to);
    this.trust = new Trust({ self, timers, audit, onRefused, reject, linkOf });
    this.#pubsub = new PubsubCore({ ...options.pubsub, hub, directory: hub, node });
    this.#rpc = new RpcCore({ ...options.rpc, hub, directory: hub, node, random: runtime.random.fork("rpc") });
    this.directory = hub ? this.#newDirectory(options) : undefined;
    const dht: DhtOptions = { ...options.dht, node, random: runtime.random.fork("dht") };
    this.#dht = hub ? new DhtCore(dht) : new DhtClient(dht);
    this.#intake = new Intake({
      realm: parseRealm(self.realm),
      timers: runtime.timers,
      isHub: (peer) => this.#isHub(peer),
      right: (record) => this.trust.recordFault(record),
      give: (from, message) => this.#give("dht", { kind: "received", from, message }),
    });
    this.links = new LinkTable({
      self,
      timers: runtime.timers,
      random: runtime.random.fork("links"),
      limits,
      budget,
      owner: this,
      onLink: (link) => this.#linkUp(link),
      onRefused: (code, _text, who) => this.trust.turnedAway(code, who),
      door: options.strangers,
    });
    this.reach = new Reach<CoreName>({
      ...options.reach,
      self,
      transport: runtime.transport,
      timers: runtime.timers,
      random: runtime.random.fork("reach"),
      links: this.links,
      say: (link, message, lane) => void this.trust.send(link, message, lane),
      find: (node) => this.#find(node),
      onEstablished: (established) => void this.links.add(established),
      patienceMs: dialPatienceMs,
      onLate: (hub) => this.#give("rpc", { kind: "command", id: 0, command: { type: "late", hub } }),
      onLost: (peer, cores, reason) => {
        for (const core of cores) this.#give(core, { kind: "peerDown", peer, reason });
      },
    });
  }

  /** Interests that are held for links and this node together, and what a hub keeps of retained events. */
  get events(): PubsubCore["state"] {
    return this.#pubsub.state;
  }

  get pendingCalls(): number {
    return this.#rpc.pendingCalls;
  }

  /** Whether a call that began by `at` (ms) is still on its way. */
  hasCallsBefore(at: number): boolean {
    return this.#rpc.hasCallsBefore(at);
  }

  /** What the hash table of a hub holds; undefined at an edge, which holds nothing. */
  get hashTable(): HashTableSize | undefined {
    if (!(this.#dht instanceof DhtCore)) return undefined;
    return { records: this.#dht.records.size, routingTable: this.#dht.table.size, unverified: this.#intake.dropped };
  }

  /** Messages and bytes of all links, also of those that are gone. */
  traffic(): Traffic {
    return this.#past.with(this.links.all());
  }

  /** Gives the pub/sub core a command; the promise settles with its answer, or rejects with a `Failure`. */
  pubsub<T>(command: PubsubCommand): Asked<T> {
    const { id, answer } = this.#commands.expect<T>();
    this.#options.strangers?.asked(command);
    this.#give("pubsub", { kind: "command", id, command });
    return { id, answer };
  }

  /** Publishes at `now`; undefined when the event was handed over at once, else what to wait for. */
  publish(publish: Publish, now: number): Asked<unknown> | undefined {
    const id = this.#commands.next, command = { type: "publish", publish } as const;
    this.#options.strangers?.heard(publish);
    const { speaker } = this.trust;
    this.trust.speaker = undefined; // an application that hears of something may publish within that turn
    const effects = this.#pubsub.handle({ kind: "command", id, command }, now), last = effects.at(-1);
    const done = last?.kind === "answer" && last.id === id && last.value === undefined;
    const asked = done ? undefined : this.#commands.expect<unknown>();
    if (done) this.#commands.skip();
    for (const effect of effects) if (!done || effect !== last) this.#perform("pubsub", effect);
    this.trust.speaker = speaker;
    return asked;
  }

  /** Gives the RPC core a command. */
  rpc<T>(command: RpcCommand): Asked<T> {
    const { id, answer } = this.#commands.expect<T>();
    this.#options.strangers?.asked(command);
    this.#give("rpc", { kind: "command", id, command });
    return { id, answer };
  }

  /** Gives the hash table a command. Records that it publishes are renewed until they are withdrawn. */
  dht<T>(command: DhtCommand): Asked<T> {
    const { id, answer } = this.#commands.expect<T>();
    this.#give("dht", { kind: "command", id, command });
    return { id, answer };
  }

  /** Tells the hash table who we are: at first, when it changes, and before it expires. */
  introduce(record: NodeRecord): void {
    this.#give("dht", { kind: "command", id: 0, command: { type: "self", record } });
  }

  /** Nobody waits for the answer to a command any more; the other end is told where it matters. */
  giveUp(command: number, core: CoreName): void {
    this.#commands.forget(command);
    const rest = core === "rpc" ? { type: "cancel", reason: "aborted" } as const : { type: "abandon" } as const;
    this.#give(core, { kind: "command", id: 0, command: { ...rest, command } as never });
  }

  /** A handler has finished. */
  handled(invocation: number, outcome: Outcome | Failure): void {
    this.#give("rpc", { kind: "command", id: 0, command: { type: "handled", invocation, outcome } });
  }

  /** Fails everything that still waits; for the end. */
  abandonAll(failure: Failure): void {
    this.#alarm.close();
    this.#intake.close();
    this.directory?.close();
    this.reach.close();
    this.#commands.rejectAll(failure);
  }

  // From the links

  received(link: Link, message: Message): void {
    this.#options.strangers?.heard(message);
    this.trust.speaker = link;
    this.#dispatch(link.id, message);
    this.trust.speaker = undefined;
  }

  forward(link: Link, burst: Burst): boolean {
    const effects = this.#pubsub.takeWhole(link.id, burst, this.#now(), this.#options.listener.hasRoom);
    if (effects === undefined) return false;
    this.#options.strangers?.heard(burst);
    this.trust.speaker = link;
    for (const effect of effects) this.#perform("pubsub", effect);
    this.trust.speaker = undefined;
    return true;
  }

  ended(link: Link, end: LinkEnd): void {
    const { node } = link.peer, remote = link.remote.hostname;
    if (end.isFault) this.trust.turnedAway(end.code, { node, remote, isLinked: true });
    this.#past.add(link);
    this.links.remove(link);
    this.relief.drained(link);
    this.trust.down(link);
    this.#intake.forget(link.id);
    this.reach.linkDown(link); // first: what is said to the node from now on is for another link
    for (const core of CORES) this.#give(core, { kind: "peerDown", peer: link.id, reason: end.code });
    this.#options.listener.linkDown(link, end);
  }

  closing(link: Link): void {
    // An edge keeps what it publishes from now on for the next link.
    if (link.dialled) this.#give("pubsub", { kind: "peerDown", peer: link.id, reason: "closing" });
  }

  drained(link: Link): void {
    this.relief.drained(link);
  }

  goingAway(link: Link, reason: string): void {
    if (link.peer.role === "hub") this.#options.listener.goingAway(link, reason);
  }

  pause(filler?: Link): Promise<void> | undefined {
    return this.relief.pause(filler);
  }

  #linkUp(link: Link): void {
    this.#options.strangers?.linkUp(link);
    const { nodeBytes: node, role } = link.peer, rights = this.trust.up(link);
    this.reach.linkUp(link);
    for (const core of CORES) this.#give(core, { kind: "peerUp", peer: link.id, node, role, rights });
    this.#options.listener.linkUp(link);
  }

  // The two switches

  /** Which core a message is for. */
  #dispatch(from: Peer, message: Message): void {
    switch (message.kind) {
      case "publish":
        if ((message.acknowledge || message.retain) && !this.trust.believes(message)) return;
        return this.#give("pubsub", { kind: "received", from, message });
      case "burst":
      case "subscribe":
      case "unsubscribe":
      case "puback":
      case "suback":
      case "recall":
      case "recalled":
      case "missed":
        return this.#give("pubsub", { kind: "received", from, message });
      case "rpcRequest":
      case "rpcReply":
      case "rpcCancel":
      case "cast":
      case "advertise":
      case "unadvertise":
      case "advertiseAck":
        return this.#give("rpc", { kind: "received", from, message });
      case "interestChanged":
        return this.#isHub(from) ? this.directory?.outdated(message.key) : undefined;
      case "findValue":
        if (this.#isHub(from)) this.directory?.asked(from, message.key);
        return this.#intake.received(from, message);
      case "findNode":
      case "findNodeReply":
      case "findValueReply":
      case "store":
      case "storeAck":
        return this.#intake.received(from, message);
      case "attachment":
      case "renew":
      case "renewAck":
      case "error":
        return this.trust.received(this.links.get(from), message);
      default:
        return; // what this version does not know, it ignores: a newer peer may send it
    }
  }

  /** What is done for an effect. */
  #perform(core: CoreName, effect: AnyEffect): void {
    switch (effect.kind) {
      case "send":
        if (core !== "dht") return this.#send(core, effect.to, effect.message as Message, effect.lane);
        for (const message of toWire(effect.message as DhtMessage)) this.#send(core, effect.to, message, effect.lane);
        return;
      case "timer":
        return this.#alarm.add(effect.afterMs, { core, timer: effect.timer });
      case "event":
        if (this.trust.takes(effect.event) || this.directory?.takes(effect.event) === true) return;
        if (core === "pubsub") this.#options.listener.pubsub(effect.event as PubsubEvent);
        else if (core === "rpc") this.#options.listener.rpc(effect.event as RpcEvent);
        else this.#onDht(effect.event as RecordEvent);
        return;
      case "answer":
        return this.#commands.resolve(effect.id, effect.value);
      case "fail":
        return this.#commands.reject(effect.id, effect.error);
      case "contact":
        return this.reach.contact(effect.record as NodeRecord);
      case "disconnect":
        return this.links.get(effect.peer)?.breakOff("disconnected", effect.reason);
    }
  }

  #isHub(peer: Peer): boolean {
    return this.links.get(peer)?.peer.role === "hub";
  }

  /** A link by its id, or the newest one to a node. */
  #linkTo(peer: Peer): Link | undefined {
    return this.links.get(peer) ?? this.links.ofNode(peer as NodeId);
  }

  #give(name: "pubsub", input: Input<PubsubMessage, PubsubCommand, PubsubTimer>): void;
  #give(name: "rpc", input: Input<RpcMessage, RpcCommand, RpcTimer>): void;
  #give(name: "dht", input: Input<DhtMessage, DhtCommand, DhtTimer>): void;
  #give(name: CoreName, input: Input<never, never, never>): void;
  #give(name: CoreName, input: Input<never, never, never>): void {
    const one = name === "pubsub" ? this.#pubsub : name === "rpc" ? this.#rpc : this.#dht, now = this.#now();
    for (const effect of (one as Core<never, never, never, never>).handle(input, now)) this.#perform(name, effect);
  }

  #send(core: CoreName, to: Peer | readonly Peer[], message: Message, lane: Lane): void {
    if (typeof to === "string") return this.#sendOne(core, to, message, lane);
    if (message.kind === "publish" && to.length > 1 && !sharesFrame(message)) message.frame ??= encodeFrame(message);
    for (const peer of to) this.#sendOne(core, peer, message, lane);
  }

  #sendOne(core: CoreName, peer: Peer, message: Message, lane: Lane): void {
    let link = this.links.get(peer);
    if (link === undefined) {
      if (peer.length === NODE_ID_DIGITS) link = this.reach.send(peer as NodeId, message, lane, core);
    } else {
      // Of two links between hubs one is closed; the hash table does not mind which one it speaks on.
      if (core === "dht" && !link.open) link = this.links.to(link.peer.node) ?? link;
      this.trust.send(link, message, lane);
    }
    if (link?.congested) this.relief.mark(link, this.trust.speaker);
  }

  /** Where a node is, by the hash table. */
  async #find(node: NodeId): Promise<NodeRecord | undefined> {
    const { answer } = this.dht<NodesFound>({ type: "findNode", target: nodeIdBytes(node) });
    return (await answer).nodes.find((one) => one.node === node);
  }

  #newDirectory(
    { self: { identity, realm, guard }, runtime: { timers }, directory: limits = {}, strangers }: NodeOptions,
  ): Directory {
    const who = { identity, credential: guard?.credential, realm: parseRealm(realm), timers, limits };
    return new Directory({
      ...who,
      ask: (command) => this.dht<never>(command).answer,
      rpc: (command) => this.#give("rpc", { kind: "command", id: 0, command }),
      pubsub: (command) => this.#give("pubsub", { kind: "command", id: 0, command }),
      notify: (watchers, key) => this.#send("dht", watchers, { kind: "interestChanged", key }, "control"),
      isAlone: () => this.#dht instanceof DhtCore && this.#dht.isAlone,
      elsewhere: strangers && ((procedure) => strangers.elsewhere(procedure)),
    });
  }

  #onDht(event: RecordEvent): void {
    if (event.type === "renew") {
      const { identity, guard } = this.#options.self, about = { now: this.#now(), credential: guard?.credential() };
      const record = renewed(identity, event.record, about);
      this.#give("dht", { kind: "command", id: 0, command: { type: "publish", record } });
    }
    this.#options.listener.dht(event);
  }

  #now(): number {
    const { timers } = this.#options.runtime;
    return timers.recent?.() ?? timers.now();
  }
}
