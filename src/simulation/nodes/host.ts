/**
 * One simulated node: the cores of production and the two switches between them, as in `node/node.ts`. `#dispatch` gives
 * a message to the core it is for, `#perform` carries out what a core wants done.
 *
 * @module
 */

import type { Peer, Role } from "../../base/protocol.ts";
import type { Random } from "../../base/random.ts";
import type { DhtCore, DhtEvent } from "../../dht/mod.ts";
import type { NodeRecord, VerifiedRecord } from "../../identity/mod.ts";
import type { PubsubEvent } from "../../pubsub/messages.ts";
import type { RpcEvent } from "../../rpc/messages.ts";
import type { SkewedClock } from "../clock.ts";
import { Application } from "./application.ts";
import type { Cores } from "./cores.ts";
import { answerQuestion, locate } from "./directory.ts";
import { HostLinks } from "./host_links.ts";
import type { LinkPath } from "../link_profile.ts";
import { nodeStatement, REALM, type RecordChecker, type Signer } from "./mint.ts";
import { type AnyMessage, type CoreName, coreOf } from "./passage.ts";
import type {
  AnyCommand,
  AnyEffect,
  AnyInput,
  HostListener,
  LinkEnd,
  OpenCommand,
  Outcome,
  Participant,
  Tamper,
  World,
} from "./world.ts";

/** How a node begins. */
export interface HostOptions {
  readonly index: number;
  readonly role: Role;
  readonly access: LinkPath;
  readonly random: Random;
  readonly clock: SkewedClock;
  readonly makeCores: (host: Participant) => Cores;
  readonly makeChecker: () => RecordChecker;
}

/** A hub that is alone, or an edge without one, dials again after so long, doubling, ms. */
const ATTACH_AFTER_MS = 250, ATTACH_AFTER_MAX_MS = 30_000;
const NODE_ID_DIGITS = 64;
/** A node's statement about itself holds so long, and is renewed at half of it, ms. */
const STATEMENT_TTL_MS = 3_600_000;

/** A node. */
export class Host implements Participant {
  readonly index: number;
  readonly role: Role;
  readonly access: LinkPath;
  readonly random: Random;
  readonly links: HostLinks;
  slowMs = 0;
  /** Every life has a number of its own; what belongs to an earlier one does not happen any more. */
  epoch = 0;
  isAlive = false;
  signer: Signer;
  checker: RecordChecker;
  cores: Cores;
  /** Events, calls and records as an application has them. */
  readonly app: Application;
  /** The nodes whose tickets it has. */
  tickets: readonly Host[] = [];
  /** What liars do. */
  tamper: Tamper | undefined;
  /** What a liar was asked for last. */
  asked: Uint8Array | undefined;
  listener: HostListener = {};
  /** Its own records that it keeps alive, by kind and name. */
  readonly published: Map<string, VerifiedRecord> = new Map();
  /** The hubs that serve a procedure, as they were found lately. */
  readonly remembered: Map<string, { readonly hubs: readonly Uint8Array[]; readonly until: number }> = new Map();
  readonly #options: HostOptions;
  readonly #world: World;
  readonly #commands = new Map<number, OpenCommand & { readonly done: (outcome: Outcome) => void }>();
  /** What waits for the address of a node. */
  readonly #unlocated = new Map<Peer, (() => void)[]>();
  #record: NodeRecord | undefined;
  #commandIds = 0;
  #attachAfterMs = ATTACH_AFTER_MS;
  #attempts = 0;

  constructor(options: HostOptions, world: World) {
    this.#options = options;
    this.#world = world;
    this.index = options.index;
    this.role = options.role;
    this.access = options.access;
    this.random = options.random;
    this.links = new HostLinks(this, world);
    this.signer = world.mint.signer(this.random.fork("key"));
    this.checker = options.makeChecker();
    this.cores = options.makeCores(this);
    this.app = new Application(this, world);
  }

  /** What its clock shows, ms. */
  get wallMs(): number {
    return this.#options.clock.at(this.#world.now);
  }

  /** What can be looked at inside a hub's hash table; undefined at an edge. */
  get hashTable(): Participant["hashTable"] {
    const { dht } = this.cores;
    return dht !== undefined && "table" in dht && "records" in dht ? dht as DhtCore : undefined;
  }

  /** Its statement about itself. */
  get record(): NodeRecord {
    return this.#record ??= this.#statement();
  }

  /** Commands that were not answered. */
  get openCommands(): Iterable<OpenCommand> {
    return this.#commands.values();
  }

  /** Begins to live, or to live again; `keepsState: false` is a node that has lost its key, too. */
  start({ tickets, keepsState = true }: { readonly tickets: readonly Host[]; readonly keepsState?: boolean }): void {
    if (this.epoch > 0) {
      if (!keepsState) this.signer = this.#world.mint.signer(this.random.fork("key"));
      this.#record = undefined;
      this.checker = this.#options.makeChecker();
      this.cores = this.#options.makeCores(this);
    }
    this.epoch++;
    this.isAlive = true;
    this.tickets = tickets;
    this.#attachAfterMs = ATTACH_AFTER_MS;
    this.#renewStatement();
    this.#attach();
  }

  /** Stops at once; nobody is told. */
  crash(): void {
    this.#end();
    this.links.crash();
  }

  /** Stops in order: its links are closed. */
  leave(): void {
    this.#end();
    this.links.leave();
  }

  /** Gives a core a command; `done` hears what became of it, in this life of the node. */
  command(core: CoreName, command: AnyCommand, done: (outcome: Outcome) => void): number {
    const id = ++this.#commandIds;
    this.#commands.set(id, { core, at: this.#world.now, type: command.type, done });
    this.give(core, { kind: "command", id, command });
    return id;
  }

  /** A command without an answer. */
  tell(core: CoreName, command: AnyCommand): void {
    this.give(core, { kind: "command", id: 0, command });
  }

  /** Sends a message that no core has asked for: for attacks. */
  inject(to: Host, message: AnyMessage): void {
    const { node } = to.signer;
    this.links.contact(node);
    this.links.send(node, message, "control", true);
  }

  // From the links

  /** A message has arrived. */
  receive(end: LinkEnd, message: AnyMessage, isTampered: boolean): void {
    const arrived = this.#world.passage.pass(message, this, isTampered);
    if (!isList(arrived)) return this.#dispatch(end.peer, arrived);
    for (const one of arrived) this.#dispatch(end.peer, one);
  }

  isTicket(other: Participant): boolean {
    return this.tickets.some((one) => one === other);
  }

  linkUp({ peer, other }: LinkEnd): void {
    this.#attachAfterMs = ATTACH_AFTER_MS;
    const { signer, role } = other.host;
    this.#toAll({ kind: "peerUp", peer, node: signer.nodeBytes, role });
    if (this.role === "hub" && this.isTicket(other.host) && (this.hashTable?.table.size ?? 0) > 0) {
      this.tell("dht", { type: "join" });
    }
  }

  linkDown(peer: Peer, reason: string): void {
    this.#toAll({ kind: "peerDown", peer, reason });
    this.#attachLater();
  }

  /** A timer that a core of this life has set is due. */
  due(core: CoreName, timer: unknown): void {
    this.give(core, { kind: "timer", timer });
  }

  // The two switches

  #dispatch(from: Peer, message: AnyMessage): void {
    const core = coreOf(message);
    if (this.tamper !== undefined) this.asked = targetOf(message) ?? this.asked;
    if (core !== undefined) this.give(core, { kind: "received", from, message });
  }

  #perform(core: CoreName, effect: AnyEffect): void {
    switch (effect.kind) {
      case "send":
        if (typeof effect.to === "string") return this.#send(core, effect.to, effect);
        for (const peer of effect.to) this.#send(core, peer, effect);
        return;
      case "timer": {
        const at = this.#world.now + this.#options.clock.span(effect.afterMs);
        return this.#world.timer(at, this, core, effect.timer);
      }
      case "event":
        return this.#onEvent(core, effect.event);
      case "answer":
        return this.#settle(effect.id, { value: effect.value });
      case "fail":
        return this.#settle(effect.id, { error: effect.error });
      case "contact":
        return this.links.contact(effect.peer);
      case "disconnect": {
        const end = this.links.to(effect.peer);
        return end === undefined ? undefined : this.links.close(end, effect.reason);
      }
    }
  }

  /** Gives a core an input and does what it wants done. */
  give(name: CoreName, input: AnyInput): void {
    const core = this.cores[name];
    if (core === undefined) return;
    const effects = core.handle(input as never, this.wallMs) as readonly AnyEffect[];
    this.#world.stepped(this, name, input, effects);
    for (const effect of effects) this.#perform(name, effect);
  }

  #toAll(input: AnyInput): void {
    this.give("dht", input);
    this.give("pubsub", input);
    this.give("rpc", input);
  }

  #send(core: CoreName, peer: Peer, { message, lane }: Extract<AnyEffect, { kind: "send" }>): void {
    const changed = this.tamper === undefined ? message : this.tamper(message);
    if (changed === undefined) return;
    const isTampered = changed !== message;
    if (core === "dht" || peer.length !== NODE_ID_DIGITS || this.links.isKnown(peer)) {
      return this.links.send(peer, changed, lane, isTampered);
    }
    const waiting = this.#unlocated.get(peer);
    if (waiting !== undefined) return void waiting.push(() => this.links.send(peer, changed, lane, isTampered));
    this.#unlocated.set(peer, [() => this.links.send(peer, changed, lane, isTampered)]);
    locate(this, peer, (found) => this.#located(peer, found));
  }

  /** What was to be sent to a node without a known address goes on its way, or the core hears that it cannot. */
  #located(peer: Peer, found: boolean): void {
    const waiting = this.#unlocated.get(peer) ?? [];
    this.#unlocated.delete(peer);
    if (!this.links.isKnown(peer)) { // else it has come to us meanwhile
      if (!found) return this.linkDown(peer, "unreachable");
      this.links.contact(peer);
    }
    for (const send of waiting) send();
  }

  #settle(id: number, outcome: Outcome): void {
    const waiting = this.#commands.get(id);
    if (waiting === undefined) return;
    this.#commands.delete(id);
    waiting.done(outcome);
  }

  #onEvent(core: CoreName, event: unknown): void {
    if (core !== "dht") {
      const asked = event as PubsubEvent | RpcEvent;
      if (answerQuestion(this, asked)) return;
      if (core === "pubsub") this.listener.pubsub?.(asked as PubsubEvent);
      else this.listener.rpc?.(asked as RpcEvent);
      return;
    }
    const about = event as DhtEvent;
    this.listener.dht?.(about);
    if (about.type === "renew") this.#renew(about.record);
  }

  // Records

  /** A fresh record in the place of one that will expire, if it is still wanted. */
  #renew(record: VerifiedRecord): void {
    const slot = `${record.kind} ${record.name}`, now = Math.floor(this.wallMs);
    if (this.published.get(slot) !== record) return;
    const times = { sequence: now, expiresAt: now + record.expiresAt - record.sequence };
    const statement = record.kind === "provider"
      ? { kind: record.kind, realm: REALM, procedure: record.procedure, ...times }
      : record.kind === "interest"
      ? { kind: record.kind, realm: REALM, pattern: record.pattern, ...times }
      : undefined;
    if (statement === undefined) return;
    const fresh = this.signer.sign(statement);
    this.published.set(slot, fresh);
    this.tell("dht", { type: "publish", record: fresh });
  }

  #statement(): NodeRecord {
    const address = `https://node-${this.index}.example:9443`;
    return nodeStatement(this.signer, { role: this.role, address, now: this.wallMs, ttlMs: STATEMENT_TTL_MS });
  }

  #renewStatement(): void {
    const { epoch } = this;
    this.#record = this.#statement();
    this.tell("dht", { type: "self", record: this.#record });
    this.#world.at(this.#world.now + this.#options.clock.span(STATEMENT_TTL_MS / 2), "statement", () => {
      if (this.epoch === epoch) this.#renewStatement();
    });
  }

  // Attaching

  /** An edge needs a hub; a hub that is alone needs somebody. */
  get #isAlone(): boolean {
    if (this.links.dialling > 0) return false;
    for (const { other } of this.links.ends.values()) if (other.host.role === "hub") return false;
    return true;
  }

  #attach(): void {
    if (this.tickets.length === 0 || !this.#isAlone) return;
    const target = this.tickets[this.#attempts++ % this.tickets.length]!;
    this.links.dial(target.signer.node);
  }

  #attachLater(): void {
    if (!this.isAlive || this.tickets.length === 0 || !this.#isAlone) return;
    const afterMs = this.#attachAfterMs * (0.5 + this.random.number() / 2), { epoch } = this;
    this.#attachAfterMs = Math.min(2 * this.#attachAfterMs, ATTACH_AFTER_MAX_MS);
    this.#world.at(this.#world.now + this.#options.clock.span(afterMs), "attach", () => {
      if (this.epoch === epoch) this.#attach();
    });
  }

  #end(): void {
    this.isAlive = false;
    this.epoch++;
    this.#commands.clear();
    this.#unlocated.clear();
    this.published.clear();
    this.remembered.clear();
  }
}

function isList(arrived: AnyMessage | readonly AnyMessage[]): arrived is readonly AnyMessage[] {
  return Array.isArray(arrived);
}

function targetOf(message: AnyMessage): Uint8Array | undefined {
  return message.kind === "findNode" ? message.target : message.kind === "findValue" ? message.key : undefined;
}
