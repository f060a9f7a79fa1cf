/**
 * Reaches nodes by their id: over the link that there is, else over one that is dialled now. What was said to an id
 * waits meanwhile; where nothing can be dialled, or the last link to the node is gone, those who spoke to it are told.
 *
 *     send ─▶ waits ──dialled, or the node dialled us──▶ handed to the link ──last link gone──▶ lost
 *               ├──────────── no address, dial failed, failed lately ─────────────────────────▶ lost
 *               └──────────── the dial takes too long for it ─▶ taken back
 *
 * @module
 */

import type { Lane } from "../../base/protocol.ts";
import type { NodeId, NodeRecord } from "../../identity/mod.ts";
import { decodeFrame, encodeFrame, type Message } from "../../wire/mod.ts";
import type { Established } from "../establish.ts";
import type { Link } from "../link.ts";
import type { LinkTable } from "../link_table.ts";
import { AddressBook } from "./address_book.ts";
import { type Dialler, dialTarget, type Target } from "./dial.ts";
import { Pool, type PoolOptions, surplus } from "./pool.ts";

/** Bounds on what waits for links. */
export interface ReachLimits {
  /** Nodes that are dialled at once. */
  readonly dialsMax: number;
  /** Nodes that wait for a link. */
  readonly nodesMax: number;
  /** Messages, and bytes, that wait for one node; more are dropped. */
  readonly messagesPerNodeMax: number;
  readonly bytesPerNodeMax: number;
  /** Bytes that wait for all nodes. */
  readonly bytesMax: number;
}

/** The defaults. */
export const REACH_LIMITS: ReachLimits = {
  dialsMax: 16, // half of what the endpoint dials at once
  nodesMax: 1_000,
  messagesPerNodeMax: 1_100, // a newcomer is handed a thousand records
  bytesPerNodeMax: 2 << 20,
  bytesMax: 64 << 20,
};

/** What a reach is made with; `Sender` names who sends. */
export interface ReachOptions<Sender> extends Dialler {
  readonly links: Pick<LinkTable, "to" | "allTo">;
  readonly limits?: Partial<ReachLimits>;
  readonly pool?: Pick<PoolOptions, "linksMax" | "idleMs">;
  /** Finds out where a node is that is in no address book. */
  readonly find: (node: NodeId) => Promise<NodeRecord | undefined>;
  /** A dialled hub has welcomed us: a link is to be made of it. */
  readonly onEstablished: (established: Established) => void;
  /** Sends over a link; default `link.send`. */
  readonly say?: (link: Link, message: Message, lane: Lane) => void;
  /** What these said to the node is lost, or was not answered when its last link ended. */
  readonly onLost: (node: NodeId, senders: Iterable<Sender>, reason: string) => void;
  /** How long a message may wait for a dial, ms; undefined, and the default: as long as that takes. */
  readonly patienceMs?: (message: Message) => number | undefined;
  /** All messages to the node that may not wait so long were taken back, while it is still being dialled. */
  readonly onLate?: (node: NodeId) => void;
}

/** What is to be said to one node. */
interface Waiting<Sender> {
  readonly senders: Set<Sender>;
  held: Held[];
  readonly abort: AbortController;
  bytes: number;
  /** Ends the patience of those messages that have some. */
  cancelPatience: (() => void) | undefined;
}

interface Held {
  readonly frame: Uint8Array;
  readonly lane: Lane;
  /** Whether it is taken back when the dial takes long. */
  readonly mayBeLate: boolean;
}

/** Reaches nodes by their id. */
export class Reach<Sender> {
  readonly #options: ReachOptions<Sender>;
  readonly #limits: ReachLimits;
  readonly #book: AddressBook;
  readonly #pool: Pool;
  readonly #kept = new Set<NodeId>();
  readonly #waiting = new Map<NodeId, Waiting<Sender>>();
  /** Those of `#waiting` whose dial has not begun, the first one first. */
  readonly #undialled = new Set<NodeId>();
  /** Who spoke to a node over a link that it did not name. */
  readonly #spoken = new Map<NodeId, Set<Sender>>();
  #dialling = 0;
  #bytes = 0;
  #dropped = 0;
  #isClosed = false;

  constructor(options: ReachOptions<Sender>) {
    this.#options = options;
    this.#limits = { ...REACH_LIMITS, ...options.limits };
    this.#book = new AddressBook(options.random);
    this.#pool = new Pool({ ...options.pool, timers: options.timers, isKept: (node) => this.#kept.has(node) });
  }

  /** Nodes that are dialled now, nodes that wait for it, links between hubs, and messages that were dropped. */
  get state(): {
    readonly dialling: number;
    readonly waiting: number;
    readonly pooled: number;
    readonly dropped: number;
  } {
    return {
      dialling: this.#dialling,
      waiting: this.#waiting.size,
      pooled: this.#pool.size,
      dropped: this.#dropped,
    };
  }

  /** Learns where a node is. */
  contact(record: NodeRecord): void {
    this.#book.add(record);
  }

  /** Links to this node are kept, used or not. */
  keep(node: NodeId): void {
    this.#kept.add(node);
  }

  /** Says something to a node: at once where there is a link. */
  send(node: NodeId, message: Message, lane: Lane, sender: Sender): Link | undefined {
    const link = this.#options.links.to(node);
    if (link !== undefined) {
      this.#speaks(node, sender);
      this.#say(link, message, lane);
      return link;
    }
    const waiting = this.#waiting.get(node) ?? this.#begin(node);
    waiting?.senders.add(sender);
    if (waiting === undefined) this.#soonLost(node, new Set([sender]), "overloaded");
    else this.#hold(node, waiting, message, lane);
    return undefined;
  }

  #say(link: Link, message: Message, lane: Lane): void {
    const { say } = this.#options;
    if (say === undefined) link.send(message, lane);
    else say(link, message, lane);
  }

  /** A link is up: what waits for its node goes, and of two links to one hub one goes too. */
  linkUp(link: Link): void {
    const { self: { role, identity }, links, timers } = this.#options, { node } = link.peer;
    this.#book.reached(node);
    const waiting = this.#take(node);
    if (waiting !== undefined) {
      waiting.abort.abort();
      for (const sender of waiting.senders) this.#speaks(node, sender);
      for (const { frame, lane } of waiting.held) this.#say(link, decodeFrame(frame), lane);
    }
    if (role !== "hub" || link.peer.role !== "hub") return;
    this.#pool.add(link);
    timers.after(0, () => {
      for (const one of surplus(identity.id, links.allTo(node))) one.close("there is another link").catch(() => {});
    });
  }

  /** A link has ended, and is none of the table's any more. */
  linkDown(link: Link): void {
    const { node } = link.peer, senders = this.#spoken.get(node);
    this.#pool.remove(link);
    if (senders === undefined || this.#options.links.to(node) !== undefined) return;
    this.#spoken.delete(node);
    this.#options.onLost(node, senders, "the link was lost");
  }

  /** Dials no more. */
  close(): void {
    this.#isClosed = true;
    this.#pool.close();
    for (const { abort, cancelPatience } of this.#waiting.values()) {
      abort.abort();
      cancelPatience?.();
    }
    this.#waiting.clear();
    this.#undialled.clear();
    this.#spoken.clear();
  }

  #speaks(node: NodeId, sender: Sender): void {
    const senders = this.#spoken.get(node);
    if (senders === undefined) this.#spoken.set(node, new Set([sender]));
    else senders.add(sender);
  }

  #begin(node: NodeId): Waiting<Sender> | undefined {
    const { timers, self } = this.#options;
    if (this.#isClosed || this.#waiting.size >= this.#limits.nodesMax) return undefined;
    const nothing = { held: [], bytes: 0, cancelPatience: undefined };
    const waiting: Waiting<Sender> = { senders: new Set(), abort: new AbortController(), ...nothing };
    this.#waiting.set(node, waiting);
    if (node === self.identity.id) this.#failSoon(node, waiting, "a node does not link to itself");
    else if (this.#book.isResting(node, timers.now())) this.#failSoon(node, waiting, "it could not be reached lately");
    else {
      this.#undialled.add(node);
      this.#dialNext();
    }
    return waiting;
  }

  /** Keeps a copy: the memory of a message that is passed on is used again. */
  #hold(node: NodeId, waiting: Waiting<Sender>, message: Message, lane: Lane): void {
    const { timers, patienceMs } = this.#options, patience = patienceMs?.(message);
    if (patience !== undefined) waiting.cancelPatience ??= timers.after(patience, () => this.#late(node, waiting));
    const { messagesPerNodeMax, bytesPerNodeMax, bytesMax } = this.#limits, frame = encodeFrame(message);
    const isTooMuch = waiting.held.length >= messagesPerNodeMax || waiting.bytes + frame.length > bytesPerNodeMax ||
      this.#bytes + frame.length > bytesMax;
    if (isTooMuch) {
      this.#dropped++;
      return;
    }
    waiting.held.push({ frame, lane, mayBeLate: patience !== undefined });
    waiting.bytes += frame.length;
    this.#bytes += frame.length;
  }

  /** Takes back what may not wait any longer; the dial goes on for the others, and for what is said next. */
  #late(node: NodeId, waiting: Waiting<Sender>): void {
    waiting.cancelPatience = undefined;
    const late = waiting.held.filter(({ mayBeLate }) => mayBeLate);
    const bytes = late.reduce((sum, { frame }) => sum + frame.length, 0);
    waiting.held = waiting.held.filter(({ mayBeLate }) => !mayBeLate);
    waiting.bytes -= bytes;
    this.#bytes -= bytes;
    this.#options.onLate?.(node);
  }

  #dialNext(): void {
    for (const node of this.#undialled) {
      if (this.#dialling >= this.#limits.dialsMax) return;
      this.#undialled.delete(node);
      this.#dialling++;
      this.#dial(node, this.#waiting.get(node)!).finally(() => {
        this.#dialling--;
        this.#dialNext();
      });
    }
  }

  /** Never rejects. */
  async #dial(node: NodeId, waiting: Waiting<Sender>): Promise<void> {
    const { timers, onEstablished } = this.#options, { signal } = waiting.abort;
    let reason = "no address of it is known";
    try {
      const target = await this.#target(node);
      for (const address of target?.addresses ?? []) {
        if (signal.aborted) return;
        const result = await dialTarget(target!, address, { ...this.#options, signal }).catch((error: Error) => error);
        if (!(result instanceof Error)) {
          if (!signal.aborted) return onEstablished(result);
          result.connection.close(0, "normal"); // there is another link by now
          return;
        }
        reason = result.message;
      }
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    if (signal.aborted) return;
    this.#book.failed(node, timers.now());
    this.#fail(node, waiting, reason);
  }

  async #target(node: NodeId): Promise<Target | undefined> {
    const known = this.#book.target(node);
    if (known !== undefined) return known;
    const found = await this.#options.find(node).catch(() => undefined);
    if (found !== undefined) this.#book.add(found);
    return this.#book.target(node);
  }

  #failSoon(node: NodeId, waiting: Waiting<Sender>, reason: string): void {
    this.#options.timers.after(0, () => this.#fail(node, waiting, reason));
  }

  /** Later: whoever sends is in the middle of something. */
  #soonLost(node: NodeId, senders: ReadonlySet<Sender>, reason: string): void {
    this.#options.timers.after(0, () => this.#isClosed || this.#options.onLost(node, senders, reason));
  }

  #fail(node: NodeId, waiting: Waiting<Sender>, reason: string): void {
    if (this.#waiting.get(node) !== waiting) return;
    this.#take(node);
    this.#options.onLost(node, waiting.senders, reason);
  }

  #take(node: NodeId): Waiting<Sender> | undefined {
    const waiting = this.#waiting.get(node);
    this.#waiting.delete(node);
    this.#undialled.delete(node);
    this.#bytes -= waiting?.bytes ?? 0;
    waiting?.cancelPatience?.();
    return waiting;
  }
}
