/**
 * One authenticated connection to another node: messages in and out, on lanes.
 *
 *     open ──close()──▶ draining ──FIN both ways──▶ closed
 *       └──── connection lost, protocol broken, slow consumer ────▶ closed
 *
 * The first stream (control) goes both ways; every other lane is a one-way stream of its sender, opened with its first
 * message. Order is promised inside a lane only.
 *
 * @module
 */

import type { Timers } from "../base/clock.ts";
import { within } from "../base/clock.ts";
import { MeshError } from "../base/errors.ts";
import type { Lane, Peer } from "../base/protocol.ts";
import type { Connection } from "../transport/transport.ts";
import { type Burst, type Decoder, MalformedFrame, type Message } from "../wire/mod.ts";
import type { Throttle } from "./admission/throttle.ts";
import type { OutgoingBudget, QueueOwner } from "./budget.ts";
import type { Established } from "./establish.ts";
import type { PeerIdentity } from "./handshake.ts";
import { LinkReader } from "./link_reader.ts";
import { lanesOf } from "./streams/arrivals.ts";
import { Patience } from "./streams/patience.ts";
import { LinkWriter, type QueueLimits } from "./link_writer.ts";

/** How long a step of an orderly close may take while nothing moves, and how often something may have moved. */
export const CLOSE_STEP_MS = 2_000, CLOSE_STEPS_MAX = 15;
/** How long a peer has to read the last words of a link that is broken off. */
export const LAST_WORDS_MS = 100;
const KEEP_ALIVE_MS = 30_000;
/** By so much a queue has to change to count as moving: as much as is written, and read, at once. */
const STRIDE_BYTES = 64 << 10;

/** Why a link ended. */
export interface LinkEnd {
  readonly code: string;
  readonly text: string;
  /** Whether it ended as asked for by this end or the other. */
  readonly orderly: boolean;
  /** The peer broke a rule or a bound, for which this end cut it off. */
  readonly isFault?: boolean;
}

/** Who a link reports to. Everything is called synchronously, in the order things happen. */
export interface LinkOwner {
  received(link: Link, message: Message): void;
  /** May take a burst as it is; false where it wants its events one by one, as without this. */
  forward?(link: Link, burst: Burst): boolean;
  ended(link: Link, end: LinkEnd): void;
  /** The queue, once over `waitBytes`, is below it again. */
  drained(link: Link): void;
  /** It takes nothing more to send; what is on its way is still received, until it has `ended`. */
  closing(link: Link): void;
  /** The peer will leave. */
  goingAway(link: Link, reason: string): void;
  /** Asked after every message: a promise if reading this link should pause. */
  pause(link: Link): Promise<void> | undefined;
}

/** What a link is made with. */
export interface LinkOptions {
  readonly id: Peer;
  readonly established: Established;
  readonly owner: LinkOwner;
  readonly timers: Timers;
  readonly budget: OutgoingBudget;
  readonly queue: QueueLimits;
  /** How fast the peer may send; absent: as fast as it likes. */
  readonly throttle?: Throttle | undefined;
  /** Shared by all links of a node: it remembers texts. */
  readonly decoder: Decoder;
}

/** One authenticated connection to another node. */
export class Link implements QueueOwner {
  readonly id: Peer;
  readonly peer: PeerIdentity;
  readonly dialled: boolean;
  /** Largest frame on it, bytes. */
  readonly frameBytesMax: number;
  /** When it was established, ms. */
  readonly since: number;
  /** Last measured round trip, ms. */
  rttMs: number | undefined;
  /** Those `sent` were queued; of them events are `lost` that waited when the link ended. `dropped` ones never were. */
  readonly messages = { sent: 0, received: 0, dropped: 0, lost: 0 };
  readonly bytes = { sent: 0, received: 0 };
  readonly #options: LinkOptions;
  readonly #connection: Connection;
  readonly #writer: LinkWriter;
  readonly #reader: LinkReader;
  readonly #pings = new Map<number, { resolve(): void; reject(error: Error): void }>();
  readonly #peerDisconnect = Promise.withResolvers<{ readonly lanes: number }>();
  #peerFin: Promise<void> = Promise.resolve();
  #lastPing = 0;
  #pingsAndPongs = 0;
  #end: LinkEnd | undefined;
  #closing: Promise<void> | undefined;
  #cancelKeepAlive: () => void = () => {};

  constructor(options: LinkOptions) {
    const {
      id,
      established: { connection, peer, dialled, controlWriter, frameBytesMax, incoming = lanesOf(connection) },
      timers,
      budget,
      owner,
      throttle,
    } = options;
    this.#options = options;
    this.id = id;
    this.peer = peer;
    this.dialled = dialled;
    this.since = timers.now();
    this.frameBytesMax = frameBytesMax;
    this.#connection = connection;
    this.#writer = new LinkWriter(connection, controlWriter, options.queue, {
      queued: (bytes) => budget.change(bytes),
      wrote: (bytes) => this.bytes.sent += bytes,
      drained: () => owner.drained(this),
      broken: () => this.#lost(),
      turn: timers.turn,
      repeats: dialled,
    });
    this.#reader = new LinkReader(incoming, { frameBytesMax, decoder: options.decoder }, {
      onMessage: (message) => this.#onMessage(message),
      forward: (burst) => this.#forward(burst),
      pause: () => this.#pause(),
      read: (bytes) => {
        this.bytes.received += bytes;
        throttle?.read(bytes);
      },
      tooManyStreams: (text) => this.#cutOff("too_many_streams", text),
      failed: (error) => this.#failed(error),
    });
    budget.join(this);
  }

  /** Starts reading. */
  start(): void {
    this.#peerFin = this.#reader.start(this.#options.established.control);
    this.#peerFin.then(() => {
      if (this.#end === undefined) this.#closing ??= this.#closeInOrder("peer left");
    });
    this.#connection.closed.then(({ by, text }) => {
      const orderly = this.#closing !== undefined && by !== "timeout" || by === "remote" && text === "normal";
      const code = by === "timeout" ? "timeout" : orderly ? "closed" : "connection_lost";
      this.#finished({ code, text: text || by, orderly });
    });
    if (this.dialled) this.#keepAlive();
  }

  get queuedBytes(): number {
    return this.#writer.queuedBytes;
  }

  /** Whether those who can wait should. */
  get congested(): boolean {
    return this.queuedBytes > this.#options.queue.waitBytes;
  }

  /** The same as `queuedBytes`: what fills and empties by less than a `stride` stands still. */
  get position(): number {
    return this.queuedBytes;
  }

  /** Bytes. */
  get stride(): number {
    return STRIDE_BYTES;
  }

  get open(): boolean {
    return this.#end === undefined && this.#closing === undefined;
  }

  /** Grows with what was said on it beside the pings that keep it alive. */
  get uses(): number {
    return this.messages.sent + this.messages.received - this.#pingsAndPongs;
  }

  /** Where the peer was seen. */
  get remote(): { hostname: string; port: number } {
    return this.#connection.remote;
  }

  /** Queues a message; false if it was dropped: the link is closing, or the peer reads too slowly for QoS 0. */
  send(message: Message, lane: Lane): boolean {
    if (!this.open) return false;
    switch (this.#writer.send(message, lane)) {
      case "queued":
        this.messages.sent += countOf(message);
        this.#options.established.deputy?.took(message);
        return true;
      case "dropped":
        this.messages.dropped += countOf(message);
        return false;
      case "full":
        this.#cutOff("slow_consumer", `more than ${this.#options.queue.closeBytes} bytes wait for it`);
        return false;
    }
  }

  /** Resolves when the queue is below its bound, or the link is gone; undefined where there is nothing to wait for. */
  writable(): Promise<void> | undefined {
    return this.#writer.writable();
  }

  /** Round trip of one ping in ms; rejects with what `late` gives after `timeoutMs`, or when the link ends. */
  async ping(timeoutMs: number, late: () => Error): Promise<number> {
    const { timers } = this.#options, sentAt = timers.now();
    if (!this.open) throw lost();
    const stamp = this.#lastPing = Math.max(Math.floor(sentAt), this.#lastPing + 1); // one stamp a ping
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#pings.set(stamp, { resolve, reject });
    this.#sendUpkeep({ kind: "ping", timestamp: stamp });
    try {
      await within(timers, timeoutMs, promise, late);
      return this.rttMs = timers.now() - sentAt;
    } finally {
      this.#pings.delete(stamp);
    }
  }

  /**
   * Ends the link in order: everything queued is written, every lane is finished, the peer reads to the end and
   * finishes its side; then the connection goes. Resolves when it is gone.
   */
  close(reason: string): Promise<void> {
    return this.#closing ??= this.#closeInOrder(reason);
  }

  /** Ends the link at once, telling the peer why. */
  breakOff(code: string, text: string, { isFault = false } = {}): void {
    if (this.#end !== undefined) return;
    const { timers } = this.#options, { closed } = this.#connection;
    const end = { code, text, orderly: false };
    this.#finished(isFault ? { ...end, isFault } : end); // first: the last words are not to count as queued
    this.#writer.control({ kind: "error", code, text });
    within(timers, CLOSE_STEP_MS, Promise.race([this.#writer.finishControl(), closed]), lost)
      .then(() => within(timers, LAST_WORDS_MS, closed, lost))
      .catch(() => {}) // it had its chance
      .finally(() => this.#connection.close(1, code));
  }

  overBudget(): void {
    this.#cutOff("slow_consumer", "all outgoing queues together are over their bound");
  }

  #pause(): Promise<void> | undefined {
    const { throttle, owner } = this.#options, tooFast = throttle?.pause(), others = owner.pause(this);
    return tooFast === undefined
      ? others
      : others === undefined
      ? tooFast
      : Promise.all([tooFast, others]).then(() => {});
  }

  #forward(burst: Burst): boolean {
    if (this.#options.owner.forward?.(this, burst) !== true) return false;
    this.messages.received += burst.count;
    this.#options.throttle?.frame(burst.count);
    return true;
  }

  #onMessage(message: Message): void {
    this.messages.received++;
    this.#options.throttle?.frame();
    switch (message.kind) {
      case "ping": {
        const { timestamp } = message, serverTime = Math.floor(this.#options.timers.now());
        this.#pingsAndPongs++;
        return this.#sendUpkeep({ kind: "pong", timestamp, serverTime });
      }
      case "pong":
        this.#pingsAndPongs++;
        return this.#pings.get(message.timestamp)?.resolve();
      case "goingAway":
        return this.#options.owner.goingAway(this, message.reason);
      case "disconnect":
        this.#peerDisconnect.resolve({ lanes: message.lanes ?? 0 });
        this.#closing ??= this.#closeInOrder("peer left");
        return;
      case "error":
        if (message.about !== undefined) return this.#options.owner.received(this, message); // about one thing only
        this.#finished({ code: message.code, text: message.text, orderly: false });
        return this.#connection.close(0, message.code);
      default:
        return this.#options.owner.received(this, message);
    }
  }

  #sendUpkeep(message: Message): void {
    if (this.send(message, "control")) this.#pingsAndPongs++;
  }

  // Ending

  /**
   * The same at both ends, whoever begins: finish all lanes, say so with `disconnect` and how many there were, read as
   * many of the peer's, then finish the control stream. So the peer's FIN says that it has read everything.
   */
  async #closeInOrder(reason: string): Promise<void> {
    this.#cancelKeepAlive();
    this.#options.owner.closing(this);
    const patience = this.#patience();
    let orderly = true;
    try {
      await patience.step(this.#writer.finish());
      const lanes = this.#writer.streamsOpened;
      this.#writer.control({ kind: "disconnect", reason: "normal", message: reason, lanes });
      const peer = await patience.step(Promise.race([this.#peerDisconnect.promise, this.#peerFin]));
      if (peer !== undefined) await patience.step(this.#reader.streamsRead(peer.lanes));
      await patience.step(this.#writer.finishControl());
      await patience.step(this.#peerFin);
    } catch {
      orderly = false; // what could not be sent in time is lost
    }
    patience.end();
    this.#finished({ code: "closed", text: reason, orderly });
    this.#connection.close(0, "normal");
    await this.#connection.closed;
  }

  /** Waits for as long as something moves on the link. */
  #patience(): Patience {
    const { timers, established: { deputy } } = this.#options, ours = () => this.bytes.sent + this.bytes.received;
    const progress = () => ours() + this.#reader.progress + (deputy?.progress() ?? 0);
    return new Patience({ timers, stepMs: CLOSE_STEP_MS, stepsMax: CLOSE_STEPS_MAX, progress, lost });
  }

  #lost(): void {
    this.#finished({ code: "connection_lost", text: "the connection broke", orderly: false });
    this.#connection.close(1, "broken");
  }

  #finished(end: LinkEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#cancelKeepAlive();
    this.#reader.stop();
    this.#writer.stop();
    if (this.#options.established.deputy === undefined) this.messages.lost = this.#writer.eventsLost;
    this.#options.budget.leave(this);
    for (const ping of this.#pings.values()) ping.reject(lost());
    this.#options.owner.ended(this, end);
  }

  #cutOff(code: string, text: string): void {
    this.breakOff(code, text, { isFault: true });
  }

  /** The peer broke the protocol, or the connection is gone. */
  #failed(error: unknown): void {
    if (error instanceof MalformedFrame) this.#cutOff(error.code, error.message);
    else if (this.#end === undefined && this.#closing === undefined) this.#lost();
  }

  #keepAlive(): void {
    const next = () => {
      this.#cancelKeepAlive = this.#options.timers.after(KEEP_ALIVE_MS, () => {
        this.ping(KEEP_ALIVE_MS, lost).catch(() => {}).finally(() => this.open && next());
      });
    };
    next();
  }
}

/** For how many messages one counts. */
function countOf(message: Message): number {
  return message.kind === "burst" ? message.count : 1;
}

function lost(): MeshError {
  return new MeshError("connection_lost", "Cannot wait for an answer: the link is gone", { retryable: true });
}
