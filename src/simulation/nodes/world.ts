/**
 * What simulated nodes have of each other and of the world around them: as types, so that what a node is made of need not
 * know the whole node.
 *
 * @module
 */

import type { Effect, Failure, Input, Lane, Peer, Role } from "../../base/protocol.ts";
import type { Random } from "../../base/random.ts";
import type { DhtCommand, DhtCore, DhtEvent } from "../../dht/mod.ts";
import type { VerifiedRecord } from "../../identity/mod.ts";
import type { PubsubCommand, PubsubEvent } from "../../pubsub/messages.ts";
import type { RpcCommand, RpcEvent } from "../../rpc/messages.ts";
import type { Mint, Signer } from "./mint.ts";
import type { Attached, Network } from "../network.ts";
import type { AnyMessage, CoreName, Passage, Receiver } from "./passage.ts";

/** An input of any core. */
export type AnyInput = Input<AnyMessage, unknown, unknown>;
/** An effect of any core. */
export type AnyEffect = Effect<AnyMessage, unknown, unknown>;

/** One input given to one core, and what it wants done. */
export interface Step {
  /** Virtual time, ms. */
  readonly at: number;
  readonly host: Participant;
  readonly core: CoreName;
  readonly input: AnyInput;
  readonly effects: readonly AnyEffect[];
}

/** The world: time, network, and others. */
export interface World {
  /** Virtual time, wall ms. */
  readonly now: number;
  readonly network: Network;
  readonly mint: Mint;
  readonly passage: Passage;
  /** Links that a node has at once. */
  readonly linksMax: number;
  /** The node of this id, dead or alive. */
  hostOf(node: string): Participant | undefined;
  /** What a node calls a new link to another. */
  linkName(other: Participant): Peer;
  /** Does something at a virtual time. */
  at(time: number, label: string, action: () => void): void;
  /** A message arrives. */
  arrives(time: number, end: LinkEnd, message: AnyMessage, isTampered: boolean): void;
  /** A core's timer is due. */
  timer(time: number, host: Participant, core: CoreName, timer: unknown): void;
  /** Whether a message disappears although its link is sound. */
  isLost(from: Participant, to: Participant, message: AnyMessage): boolean;
  /** Whether a message travels without a stream. */
  isUnreliable(message: AnyMessage): boolean;
  /** A core has taken an input; its effects are yet to be carried out. */
  stepped(host: Participant, core: CoreName, input: AnyInput, effects: readonly AnyEffect[]): void;
}

/** What became of a command. */
export type Outcome = { readonly value: unknown } | { readonly error: Failure };
/** A command of any core. */
export type AnyCommand = DhtCommand | PubsubCommand | RpcCommand;
/** Changes what a node sends, or keeps it back. */
export type Tamper = (message: AnyMessage) => AnyMessage | undefined;

/** What an application above a node hears of. */
export interface HostListener {
  dht?(event: DhtEvent): void;
  pubsub?(event: PubsubEvent): void;
  rpc?(event: RpcEvent): void;
}

/** What a core was told to do and has not answered. */
export interface OpenCommand {
  readonly core: CoreName;
  readonly type: string;
  /** Virtual time, ms. */
  readonly at: number;
}

/** What others see of a node. */
export interface Participant extends Attached, Receiver {
  readonly index: number;
  readonly role: Role;
  readonly random: Random;
  readonly signer: Signer;
  readonly isAlive: boolean;
  /** Every life has a number of its own. */
  readonly epoch: number;
  readonly links: LinksOfNode;
  readonly listener: HostListener;
  /** Its own records that it keeps alive, by kind and name. */
  readonly published: Map<string, VerifiedRecord>;
  /** The hubs that serve a procedure, as they were found lately. */
  readonly remembered: Map<string, { readonly hubs: readonly Uint8Array[]; readonly until: number }>;
  /** What can be looked at inside a hub's hash table; undefined at an edge. */
  readonly hashTable: Pick<DhtCore, "table" | "records"> | undefined;
  readonly openCommands: Iterable<OpenCommand>;
  command(core: CoreName, command: AnyCommand, done: (outcome: Outcome) => void): number;
  tell(core: CoreName, command: AnyCommand): void;
  receive(end: LinkEnd, message: AnyMessage, isTampered: boolean): void;
  /** Whether it has the other's ticket. */
  isTicket(other: Participant): boolean;
  linkUp(end: LinkEnd): void;
  linkDown(peer: Peer, reason: string): void;
  due(core: CoreName, timer: unknown): void;
}

/** What others do to a node's links. */
export interface LinksOfNode {
  readonly ends: ReadonlyMap<Peer, LinkEnd>;
  to(peer: Peer): LinkEnd | undefined;
  up(end: LinkEnd): void;
  lost(end: LinkEnd, reason: string): void;
  sendOver(end: LinkEnd, message: AnyMessage, lane: Lane, isTampered: boolean): void;
}

/** One end of a link. */
export class LinkEnd {
  readonly host: Participant;
  /** What the host calls the link. */
  readonly peer: Peer;
  /** The node at the other end; it may come back with another id. */
  readonly node: string;
  /** Whether this end has dialled. */
  readonly dialled: boolean;
  /** The other end; set once both are made. */
  other!: LinkEnd;
  isUp = false;
  isDown = false;
  /** When something was sent over it last, virtual ms. */
  usedAt = 0;
  /** Messages for this end that a cut holds back; undefined while there is none. */
  held: { message: AnyMessage; isTampered: boolean; lane: Lane }[] | undefined;
  // When the latest message for this end arrives, by lane.
  control = 0;
  events = 0;
  calls = 0;

  constructor(host: Participant, peer: Peer, node: string, dialled: boolean) {
    this.host = host;
    this.peer = peer;
    this.node = node;
    this.dialled = dialled;
  }
}
