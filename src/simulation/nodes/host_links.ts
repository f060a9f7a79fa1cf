/**
 * The links of one simulated node: dialled when something is to be sent, in order within a lane, noticed as gone only
 * after the idle timeout where the other end has crashed.
 *
 *     send to a node without a link ─▶ dialling ──admitted──▶ up ──closed, idle or too many──▶ down
 *                                          └──no answer──▶ failed: the core hears peerDown
 *
 * @module
 */

import type { Lane, Peer } from "../../base/protocol.ts";
import type { AnyMessage } from "./passage.ts";
import { LinkEnd, type LinksOfNode, type Participant, type World } from "./world.ts";

/** QUIC's idle timeout, the dial's, as in production (docs/ARCHITECTURE.md, limits). */
export const IDLE_MS = 15_000, DIAL_MS = 5_000;
/** A link between hubs that was not used for so long is closed, and how often that is looked at, as in production, ms. */
const UNUSED_MS = 120_000, LOOK_EVERY_MS = UNUSED_MS / 4;
/** Messages that wait for one dial; addresses that are remembered until they are dialled. */
const HELD_MAX = 1_000, CONTACTS_MAX = 1_000;

interface Waiting {
  readonly messages: { readonly message: AnyMessage; readonly lane: Lane; readonly isTampered: boolean }[];
}

/** The links of one node. */
export class HostLinks implements LinksOfNode {
  readonly ends: Map<Peer, LinkEnd> = new Map();
  /** Links that are not called by their node's id. */
  readonly #byNode = new Map<string, LinkEnd>();
  readonly #dials = new Map<string, Waiting>();
  readonly #host: Participant;
  readonly #world: World;
  /** Whose addresses the cores have named, and who was not dialled since. */
  readonly #contacts = new Set<Peer>();
  /** The life of the host in which it is looked for unused links; 0: in none. */
  #watchedIn = 0;

  constructor(host: Participant, world: World) {
    this.#host = host;
    this.#world = world;
  }

  /** The link of that name, or to that node. */
  to(peer: Peer): LinkEnd | undefined {
    return this.ends.get(peer) ?? (this.#byNode.size === 0 ? undefined : this.#byNode.get(peer));
  }

  /** Whether there is a link or an address. */
  isKnown(peer: Peer): boolean {
    return this.to(peer) !== undefined || this.#dials.has(peer) || this.#contacts.has(peer);
  }

  /** How many dials are under way. */
  get dialling(): number {
    return this.#dials.size;
  }

  /** A core says how to reach a node. */
  contact(peer: Peer): void {
    if (this.#contacts.size >= CONTACTS_MAX) this.#contacts.delete(this.#contacts.values().next().value!);
    this.#contacts.add(peer);
  }

  /** Sends over a link, or dials. */
  send(peer: Peer, message: AnyMessage, lane: Lane, isTampered: boolean): void {
    const end = this.to(peer);
    if (end !== undefined) return this.sendOver(end, message, lane, isTampered);
    const dial = this.#dials.get(peer);
    if (dial !== undefined) {
      if (dial.messages.length < HELD_MAX) dial.messages.push({ message, lane, isTampered });
    } else if (this.#contacts.delete(peer)) this.dial(peer, [{ message, lane, isTampered }]);
    // Else the link is gone, as in production: what is sent to it is lost.
  }

  /** Dials a node, to send what is given once the link is up. */
  dial(node: string, messages: Waiting["messages"] = []): void {
    const world = this.#world, host = this.#host, { epoch } = host;
    if (this.to(node) !== undefined || this.#dials.has(node)) return;
    this.#dials.set(node, { messages });
    const target = world.hostOf(node), startedAt = world.now;
    const fail = () => host.epoch === epoch && this.#dialFailed(node);
    if (target === undefined) return world.at(startedAt + DIAL_MS, "dial failed", fail);
    world.at(startedAt + world.network.handshakeMs(host, target), "dialled", () => {
      if (host.epoch !== epoch || !host.isAlive) return;
      const isReached = target.isAlive && target.signer.node === node && !world.network.isCut(host, target) &&
        !world.network.isCut(target, host);
      if (!isReached) return world.at(startedAt + DIAL_MS, "dial failed", fail);
      this.#admitted(node, target);
    });
  }

  /** The other end has admitted us: it is up at once, we when its welcome arrives. */
  #admitted(node: string, target: Participant): void {
    const world = this.#world, host = this.#host, { epoch } = host, theirs = target.links;
    const known = this.to(node);
    if (known !== undefined && known.isUp && !known.other.isDown) return this.#dialled(node, known); // both have dialled
    if (known !== undefined) this.lost(known, "replaced");
    const stale = theirs.to(host.signer.node);
    if (stale !== undefined) theirs.lost(stale, "replaced");
    const mine = new LinkEnd(host, world.linkName(target), node, true);
    const other = new LinkEnd(target, world.linkName(host), host.signer.node, false);
    mine.other = other;
    other.other = mine;
    theirs.up(other);
    mine.control = world.now + world.network.delayMs(target, host, 0);
    world.at(mine.control, "welcomed", () => {
      if (host.epoch !== epoch) {
        mine.isDown = true;
        return world.at(world.now + IDLE_MS, "idle", () => theirs.lost(other, "timed_out"));
      }
      if (other.isDown) return this.#dialFailed(node);
      this.up(mine);
      this.#dialled(node, mine);
    });
  }

  #dialled(node: string, end: LinkEnd): void {
    const dial = this.#dials.get(node);
    this.#dials.delete(node);
    for (const { message, lane, isTampered } of dial?.messages ?? []) this.sendOver(end, message, lane, isTampered);
  }

  #dialFailed(node: string): void {
    if (!this.#dials.has(node)) return;
    const end = this.to(node);
    if (end !== undefined) return this.#dialled(node, end); // the other one has dialled meanwhile
    this.#dials.delete(node);
    this.#host.linkDown(node, "dial_failed");
  }

  /** A link begins. */
  up(end: LinkEnd): void {
    if (this.ends.size >= this.#world.linksMax) this.#makeRoom();
    end.isUp = true;
    end.usedAt = this.#world.now;
    this.ends.set(end.peer, end);
    if (end.peer !== end.node) this.#byNode.set(end.node, end);
    if (end.dialled) this.#watch();
    this.#host.linkUp(end);
  }

  #watch(): void {
    const { epoch } = this.#host;
    if (this.#watchedIn === epoch) return;
    this.#watchedIn = epoch;
    this.#world.at(this.#world.now + LOOK_EVERY_MS, "look", () => {
      if (this.#host.epoch !== epoch) return;
      this.#watchedIn = 0;
      this.#closeUnused();
      if (this.ends.size > 0) this.#watch();
    });
  }

  /** Whoever has dialled closes; links to those whose tickets the host has are kept. */
  #closeUnused(): void {
    const before = this.#world.now - UNUSED_MS;
    for (const end of this.ends.values()) {
      if (!end.dialled || end.usedAt > before || end.other.usedAt > before) continue;
      if (isBetweenHubs(end) && !this.#host.isTicket(end.other.host)) this.close(end, "idle");
    }
  }

  /** Closes the link between hubs that was not used for longest. */
  #makeRoom(): void {
    let least: LinkEnd | undefined;
    for (const end of this.ends.values()) {
      if (!isBetweenHubs(end)) continue;
      if (least === undefined || end.usedAt < least.usedAt) least = end;
    }
    if (least !== undefined) this.close(least, "unused");
  }

  /** Sends over a certain link. */
  sendOver(end: LinkEnd, message: AnyMessage, lane: Lane, isTampered: boolean): void {
    const world = this.#world, { other } = end, target = other.host;
    end.usedAt = world.now;
    if (world.isLost(this.#host, target, message)) return;
    if (world.isUnreliable(message)) {
      if (world.network.isCut(this.#host, target)) return;
      for (const afterMs of world.network.arrivalsMs(this.#host, target, sizeOf(message))) {
        world.arrives(Math.max(world.now + afterMs, other.isUp ? 0 : other.control), other, message, isTampered);
      }
      return;
    }
    if (world.network.isCut(this.#host, target)) {
      (other.held ??= []).push({ message, lane, isTampered });
      return;
    }
    const delayMs = world.network.delayMs(this.#host, target, sizeOf(message));
    const at = Math.max(world.now + delayMs, other[lane], other.isUp ? 0 : other.control);
    other[lane] = at;
    world.arrives(at, other, message, isTampered);
  }

  /** A cut has healed: what it held back goes on its way. */
  resume(): void {
    for (const end of [...this.ends.values()]) {
      const held = end.held ?? [];
      end.held = undefined;
      for (const { message, lane, isTampered } of held) {
        end.other.host.links.sendOver(end.other, message, lane, isTampered);
      }
    }
  }

  /** Ends a link in order: the other end hears of it when what was sent before has arrived. */
  close(end: LinkEnd, reason: string): void {
    const { other } = end, world = this.#world;
    this.lost(end, reason);
    const at = Math.max(world.now + world.network.delayMs(this.#host, other.host, 0), other.control);
    world.at(Math.max(at, other.events, other.calls), "closed", () => other.host.links.lost(other, reason));
  }

  /** A link is gone, as far as this end knows. */
  lost(end: LinkEnd, reason: string): void {
    if (!end.isUp) return;
    end.isUp = false;
    end.isDown = true;
    end.held = undefined;
    this.ends.delete(end.peer);
    if (this.#byNode.get(end.node) === end) this.#byNode.delete(end.node);
    if (this.#host.isAlive) this.#host.linkDown(end.peer, reason);
  }

  /** The node stops in order: the others hear of it. */
  leave(): void {
    this.#dials.clear();
    for (const end of [...this.ends.values()]) this.close(end, "going_away");
  }

  /** The node stops at once; the others notice when nothing has come for a while. */
  crash(): void {
    const ends = [...this.ends.values()];
    for (const end of ends) {
      end.isUp = false;
      end.isDown = true;
    }
    this.ends.clear();
    this.#byNode.clear();
    this.#dials.clear();
    this.#world.at(this.#world.now + IDLE_MS, "idle", () => {
      for (const { other } of ends) other.host.links.lost(other, "timed_out");
    });
  }
}

function isBetweenHubs({ host, other }: LinkEnd): boolean {
  return host.role === "hub" && other.host.role === "hub";
}

/** About what a message takes, bytes. */
function sizeOf(message: AnyMessage): number {
  switch (message.kind) {
    case "findNodeReply":
      return 60 + 350 * message.nodes.length;
    case "findValueReply":
      return 60 + 350 * (message.nodes.length + message.records.length);
    case "publish":
      return 120 + message.payload.length;
    case "rpcRequest":
    case "cast":
      return 150 + message.args.length;
    case "rpcReply":
      return 100 + (message.result?.length ?? 0);
    default:
      return 100;
  }
}
