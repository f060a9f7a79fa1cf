/**
 * One authenticated connection to another node: messages in and out, on lanes.
 *
 *     open ──close()──▶ draining ──FIN both ways, at most 2 s──▶ closed
 *       └──── connection lost, protocol broken, slow consumer ────▶ closed
 *
 * The first stream (control) goes both ways; every other lane is a one-way stream of its sender, opened with its first
 * message. Order is promised inside a lane only.
 *
 * @module
 */

import { keyBytes } from "../base/bytes.ts";
import type { Timers } from "../base/clock.ts";
import { sleep, within } from "../base/clock.ts";
import type { Lane, Peer } from "../base/protocol.ts";
import type { Connection } from "../transport/transport.ts";
import { type Decoder, encodeFrame, FRAME_HEADER_BYTES, MalformedFrame, type Message } from "../wire/mod.ts";
import type { OutgoingBudget, QueueOwner } from "./budget.ts";
import type { Established } from "./establish.ts";
import type { PeerIdentity } from "./handshake.ts";
import { orderKey } from "./held_frames.ts";
import { LaneWriter } from "./lane_writer.ts";
import { LinkReader } from "./link_reader.ts";

/** Frames over this go on a stream of their own. */
export const LARGE_FRAME_BYTES = 64 * 1024;
/** How long each step of an orderly close may take. */
export const CLOSE_STEP_MS = 2_000;
/** Large frames that are sent at once: the peer lets us open 8 streams, two of them are lanes. */
const LARGE_STREAMS_MAX = 4;

const NO_ORDER = new Uint8Array(0);

/** Bounds of one link's outgoing queue, bytes. */
export interface QueueLimits {
  /** Over it, those who can wait do: a publisher, and a hub for a moment. */
  readonly waitBytes: number;
  /** Over it, QoS 0 events are dropped and counted. */
  readonly dropBytes: number;
  /** Over it, the link is closed as a slow consumer. */
  readonly closeBytes: number;
}

/** Why a link ended. */
export interface LinkEnd {
  readonly code: string;
  readonly text: string;
  /** Whether it ended as asked for by this end or the other. */
  readonly orderly: boolean;
}

/** Who a link reports to. Everything is called synchronously, in the order things happen. */
export interface LinkOwner {
  received(link: Link, message: Message): void;
  ended(link: Link, end: LinkEnd): void;
  /** The queue, once over `waitBytes`, is below it again. */
  drained(link: Link): void;
  /** The peer will leave. */
  goingAway(link: Link, reason: string): void;
  /** Asked after every message: a promise if reading should pause. */
  pause(): Promise<void> | undefined;
}

/** What a link is made with. */
export interface LinkOptions {
  readonly id: Peer;
  readonly established: Established;
  readonly owner: LinkOwner;
  readonly timers: Timers;
  readonly budget: OutgoingBudget;
  readonly queue: QueueLimits;
  readonly frameBytesMax: number;
  /** Shared by all links of a node: it remembers texts. */
  readonly decoder: Decoder;
}

/** One authenticated connection to another node. */
export class Link implements QueueOwner {
  readonly id: Peer;
  readonly peer: PeerIdentity;
  readonly dialled: boolean;
  /** When it was established, ms. */
  readonly since: number;
  /** Last measured round trip, ms. */
  rttMs: number | undefined;
  readonly messages = { sent: 0, received: 0, dropped: 0 };
  readonly bytes = { sent: 0, received: 0 };
  readonly #options: LinkOptions;
  readonly #connection: Connection;
  readonly #lanes: Readonly<Record<Lane, LaneWriter>>;
  readonly #reader: LinkReader;
  readonly #pings = new Map<number, (rttMs: number) => void>();
  #queuedBytes = 0;
  #waiting = false;
  #waiters: (() => void)[] = [];
  #missed = 0;
  #lanesOpened = 0;
  #largeReferences = 0;
  #largeSending = 0;
  readonly #largeWaiting: (() => void)[] = [];
  #peerFin: Promise<void> = Promise.resolve();
  #end: LinkEnd | undefined;
  #closing: Promise<void> | undefined;
  #cancelKeepAlive: () => void = () => {};

  constructor(options: LinkOptions) {
    const { id, established: { connection, peer, dialled, controlWritable }, timers, budget } = options;
    this.#options = options;
    this.id = id;
    this.peer = peer;
    this.dialled = dialled;
    this.since = timers.now();
    this.#connection = connection;
    const lane = (stream: ConstructorParameters<typeof LaneWriter>[0]) =>
      new LaneWriter(stream, {
        queued: (bytes) => this.#queued(bytes),
        wrote: (bytes) => this.bytes.sent += bytes,
        broken: () => this.#lost(),
      });
    this.#lanes = {
      control: lane(controlWritable),
      events: lane(() => this.#openLane()),
      calls: lane(() => this.#openLane()),
    };
    this.#reader = new LinkReader(connection, options, {
      onMessage: (message) => this.#onMessage(message),
      pause: () => options.owner.pause(),
      read: (bytes) => this.bytes.received += bytes,
      failed: (error) => this.#failed(error),
    });
    budget.join(this);
  }

  /** Starts reading. */
  start(): void {
    this.#peerFin = this.#reader.start(this.#options.established.control);
    this.#peerFin.then(() => {
      if (this.#closing === undefined && this.#end === undefined) this.#closing = this.#closeInOrder("peer left");
    });
    this.#connection.closed.then(({ by, text }) => {
      const orderly = this.#closing !== undefined || by === "remote" && text === "normal";
      this.#finished({ code: by === "timeout" ? "timeout" : "connection_lost", text: text || by, orderly });
    });
    if (this.dialled) this.#keepAlive();
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether those who can wait should. */
  get congested(): boolean {
    return this.#queuedBytes > this.#options.queue.waitBytes;
  }

  /** Grows as the queue empties. */
  get progress(): number {
    return this.bytes.sent;
  }

  get open(): boolean {
    return this.#end === undefined && this.#closing === undefined;
  }

  /** Where the peer was seen. */
  get remote(): { hostname: string; port: number } {
    return this.#connection.remote;
  }

  /** Queues a message; false if it was dropped: the link is closing, or the peer reads too slowly for QoS 0. */
  send(message: Message, lane: Lane): boolean {
    if (!this.open) return false;
    const { dropBytes, closeBytes } = this.#options.queue;
    if (this.#queuedBytes > dropBytes) {
      if (message.kind === "publish" && message.qos === 0 && !message.acknowledge) {
        this.#missed++;
        this.messages.dropped++;
        return false;
      }
      if (this.#queuedBytes > closeBytes) {
        this.#breakOff("slow_consumer", `more than ${closeBytes} bytes wait for it`);
        return false;
      }
    }
    if (this.#missed > 0 && message.kind === "publish") this.#tellMissed();
    this.messages.sent++;
    if (bodyBytes(message) > LARGE_FRAME_BYTES) this.#sendLarge(message, lane);
    else this.#lanes[lane].append(message);
    return true;
  }

  /** Resolves when the queue is below its bound, or the link is gone; undefined where there is nothing to wait for. */
  writable(): Promise<void> | undefined {
    if (!this.#waiting || this.#end !== undefined) return undefined;
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Round trip of one ping in ms; rejects with what `late` gives after `timeoutMs`. */
  ping(timeoutMs: number, late: () => Error): Promise<number> {
    const { timers } = this.#options, sentAt = timers.now();
    const answered = new Promise<number>((resolve) => {
      const stamp = Math.floor(sentAt) + this.#pings.size; // one stamp a ping
      this.#pings.set(stamp, () => resolve(timers.now() - sentAt));
      this.send({ kind: "ping", timestamp: stamp }, "control");
      timers.after(timeoutMs, () => this.#pings.delete(stamp));
    });
    return within(timers, timeoutMs, answered, late).then((rttMs) => this.rttMs = rttMs);
  }

  /**
   * Ends the link in order: everything queued is written, every lane is finished, the peer reads to the end and
   * finishes its side; then the connection goes. Resolves when it is gone.
   */
  close(reason: string): Promise<void> {
    return this.#closing ??= this.#closeInOrder(reason);
  }

  /** Ends the link at once, telling the peer why. */
  breakOff(code: string, text: string): void {
    this.#breakOff(code, text);
  }

  overBudget(): void {
    this.#breakOff("slow_consumer", "all outgoing queues together are over their bound");
  }

  // Writing

  async #openLane(): Promise<WritableStream<Uint8Array>> {
    this.#lanesOpened++;
    return await this.#connection.openSend();
  }

  #queued(bytes: number): void {
    if (this.#end !== undefined) return;
    this.#queuedBytes += bytes;
    this.#options.budget.change(bytes);
    const { waitBytes } = this.#options.queue;
    if (this.#queuedBytes > waitBytes) this.#waiting = true;
    else if (this.#waiting && this.#queuedBytes <= waitBytes / 2) {
      this.#waiting = false;
      if (this.#missed > 0 && this.open) this.#tellMissed();
      this.#release();
      this.#options.owner.drained(this);
    }
  }

  #release(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resume of waiters) resume();
  }

  #tellMissed(): void {
    const count = this.#missed;
    this.#missed = 0;
    this.#lanes.events.append({ kind: "missed", count });
  }

  #sendLarge(message: Message, lane: Lane): void {
    const reference = ++this.#largeReferences, frame = encodeFrame(message);
    this.#lanes[lane].append({ kind: "elsewhere", reference, order: keyBytes(orderKey(message) ?? "") });
    this.#queued(frame.length);
    this.#writeLarge(reference, frame).catch((error) => this.#failed(error));
  }

  async #writeLarge(reference: number, frame: Uint8Array): Promise<void> {
    if (this.#largeSending >= LARGE_STREAMS_MAX) await new Promise<void>((go) => this.#largeWaiting.push(go));
    this.#largeSending++;
    try {
      const writer = (await this.#openLane()).getWriter();
      await writer.write(encodeFrame({ kind: "elsewhere", reference }));
      await writer.write(frame);
      await writer.close();
      this.bytes.sent += frame.length;
    } finally {
      this.#queued(-frame.length);
      this.#largeSending--;
      this.#largeWaiting.shift()?.();
    }
  }

  // Reading

  #onMessage(message: Message): void {
    this.messages.received++;
    switch (message.kind) {
      case "ping": {
        const { timestamp } = message, serverTime = Math.floor(this.#options.timers.now());
        this.send({ kind: "pong", timestamp, serverTime }, "control");
        return;
      }
      case "pong": {
        this.#pings.get(message.timestamp)?.(0);
        this.#pings.delete(message.timestamp);
        return;
      }
      case "elsewhere":
        return this.#reader.onElsewhere(message.reference, message.order ?? NO_ORDER);
      case "goingAway":
        return this.#options.owner.goingAway(this, message.reason);
      case "disconnect":
        this.#closing ??= this.#closeInOrder("peer left", message.lanes ?? 0);
        return;
      case "error":
        if (message.about !== undefined) return; // it is about one request, whose answer says the same
        this.#finished({ code: message.code, text: message.text, orderly: false });
        return this.#connection.close(0, message.code);
      default:
        return this.#options.owner.received(this, message);
    }
  }

  // Ending

  async #closeInOrder(reason: string, peerLanes = 0): Promise<void> {
    const { timers } = this.#options, { control, events, calls } = this.#lanes;
    this.#cancelKeepAlive();
    const late = () => new Error("too slow");
    try {
      await within(
        timers,
        this.#queuedBytes > 0 ? 5 * CLOSE_STEP_MS : CLOSE_STEP_MS,
        this.#finishLanes([events, calls]),
        late,
      );
      if (reason !== "peer left") {
        control.append({ kind: "disconnect", reason: "normal", message: reason, lanes: this.#lanesOpened });
      }
      await this.#until(() => this.#reader.lanesRead >= peerLanes);
      await within(timers, CLOSE_STEP_MS, control.finish(), late);
      await within<unknown>(
        timers,
        CLOSE_STEP_MS,
        reason === "peer left" ? this.#connection.closed : this.#peerFin,
        late,
      );
    } catch {
      // what could not be sent in time is lost; the counters know
    }
    this.#connection.close(0, "normal");
    await this.#connection.closed;
    this.#finished({ code: "closed", text: reason, orderly: true });
  }

  async #finishLanes(lanes: readonly LaneWriter[]): Promise<void> {
    await Promise.all(lanes.map((lane) => lane.finish()));
    await this.#until(() => this.#largeSending === 0 && this.#largeWaiting.length === 0);
  }

  /** Looks every few milliseconds, for as long as one step of closing may take. */
  async #until(condition: () => boolean): Promise<void> {
    const { timers } = this.#options, giveUpAt = timers.now() + CLOSE_STEP_MS;
    while (!condition() && timers.now() < giveUpAt && this.#end === undefined) await sleep(timers, 5);
  }

  #breakOff(code: string, text: string): void {
    if (this.#end !== undefined) return;
    const { timers } = this.#options;
    this.#lanes.control.append({ kind: "error", code, text });
    this.#finished({ code, text, orderly: false });
    within(
      timers,
      CLOSE_STEP_MS,
      Promise.race([this.#lanes.control.finish(), this.#connection.closed]),
      () => new Error(),
    )
      .catch(() => {})
      .then(() => within(timers, 100, this.#connection.closed, () => new Error()))
      .catch(() => {})
      .finally(() => this.#connection.close(1, code));
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
    this.#release();
    this.#options.budget.change(-this.#queuedBytes);
    this.#options.budget.leave(this);
    this.#queuedBytes = 0;
    this.#options.owner.ended(this, end);
  }

  /** The peer broke the protocol, or the connection is gone. */
  #failed(error: unknown): void {
    if (error instanceof MalformedFrame) this.#breakOff(error.code, error.message);
    else if (this.#end === undefined && this.#closing === undefined) this.#lost();
  }

  #keepAlive(): void {
    const next = () => {
      this.#cancelKeepAlive = this.#options.timers.after(30_000, () => {
        this.ping(30_000, () => new Error("no pong")).catch(() => {}).finally(() => this.open && next());
      });
    };
    next();
  }
}

/** An estimate of a frame's length, good enough to tell a large one. */
function bodyBytes(message: Message): number {
  switch (message.kind) {
    case "publish":
      return message.frame?.length ?? message.payload.length + FRAME_HEADER_BYTES;
    case "rpcRequest":
    case "cast":
      return message.frame?.length ?? message.args.length + FRAME_HEADER_BYTES;
    case "rpcReply":
      return message.frame?.length ?? (message.result?.length ?? 0) + FRAME_HEADER_BYTES;
    default:
      return 0;
  }
}
