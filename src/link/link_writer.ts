/** The outgoing half of a link: messages → lanes → streams, and the bounds on what waits. @module */

import { keyBytes } from "../base/bytes.ts";
import type { Timers } from "../base/clock.ts";
import type { Lane } from "../base/protocol.ts";
import type { Connection } from "../transport/transport.ts";
import { encodeFrame, FRAME_HEADER_BYTES, type Message } from "../wire/mod.ts";
import { orderKey } from "./held_frames.ts";
import { LaneWriter } from "./lane_writer.ts";

/** Frames over this go on a stream of their own. */
export const LARGE_FRAME_BYTES = 64 * 1024;
/** Large frames that are sent at once: the peer lets us open 8 streams, two of them are lanes. */
const LARGE_STREAMS_MAX = 4;

/** Bounds of one link's outgoing queue, bytes. */
export interface QueueLimits {
  /** Over it, those who can wait do: a publisher, and a hub for a moment. */
  readonly waitBytes: number;
  /** Over it, QoS 0 events are dropped and counted. */
  readonly dropBytes: number;
  /** Over it, the link is closed as a slow consumer. */
  readonly closeBytes: number;
}

/** Whom a writer reports to. */
export interface WriterOwner {
  /** The queue grew (positive) or shrank. */
  queued(bytes: number): void;
  /** Bytes were handed to the transport. */
  wrote(bytes: number): void;
  /** The queue, once over `waitBytes`, is below half of it again. */
  drained(): void;
  /** A stream broke. */
  broken(cause: unknown): void;
  /** The next turn of the event loop, where there is one. */
  readonly turn?: Timers["turn"];
  /** Whether acknowledged events are sent again on another link: then they are not lost with this one. */
  readonly repeats?: boolean;
}

/** Writes all streams that we open. */
export class LinkWriter {
  readonly #connection: Connection;
  readonly #limits: QueueLimits;
  readonly #owner: WriterOwner;
  readonly #lanes: Readonly<Record<Lane, LaneWriter>>;
  readonly #large = new Set<Promise<void>>();
  readonly #largeWaiting: (() => void)[] = [];
  #largeSending = 0;
  #largeReferences = 0;
  #streamsOpened = 0;
  #queuedBytes = 0;
  #waiting = false;
  #waiters: (() => void)[] = [];
  #missed = 0;
  #largeEvents = 0;
  #eventsLost = 0;
  #stopped = false;

  constructor(
    connection: Connection,
    control: WritableStreamDefaultWriter<Uint8Array>,
    limits: QueueLimits,
    owner: WriterOwner,
  ) {
    this.#connection = connection;
    this.#limits = limits;
    this.#owner = owner;
    const lane = (stream: ConstructorParameters<typeof LaneWriter>[0]) =>
      new LaneWriter(stream, {
        queued: (bytes) => this.#queued(bytes),
        wrote: (bytes) => owner.wrote(bytes),
        broken: (cause) => owner.broken(cause),
      }, owner.turn);
    this.#lanes = {
      control: lane(control),
      events: lane(() => this.#openStream()),
      calls: lane(() => this.#openStream()),
    };
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Events that were queued and not written whole when writing stopped; what the transport still had is not known. */
  get eventsLost(): number {
    return this.#eventsLost;
  }

  /** One-way streams that were opened. */
  get streamsOpened(): number {
    return this.#streamsOpened;
  }

  /** Queues a message, or says why not: it is one that may be `dropped`, or the queue is `full`. */
  send(message: Message, lane: Lane): "queued" | "dropped" | "full" {
    const { dropBytes, closeBytes } = this.#limits;
    if (this.#queuedBytes > dropBytes) {
      const events = mayDrop(message);
      if (events > 0) {
        this.#missed += events;
        return "dropped";
      }
      if (this.#queuedBytes > closeBytes) return "full";
    }
    if (this.#missed > 0 && (message.kind === "publish" || message.kind === "burst")) this.#tellMissed();
    if (bodyBytes(message) > LARGE_FRAME_BYTES) this.#sendLarge(message, lane);
    else this.#lanes[lane].append(message, this.#eventsIn(message));
    return "queued";
  }

  /** Queues a message of the link's own, whatever the queue holds. */
  control(message: Message): void {
    this.#lanes.control.append(message);
  }

  /** Resolves when the queue is below its bound, or writing has stopped; undefined where there is nothing to wait for. */
  writable(): Promise<void> | undefined {
    if (!this.#waiting || this.#stopped) return undefined;
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Writes out and finishes everything but the control stream. */
  async finish(): Promise<void> {
    if (this.#missed > 0) this.#tellMissed(); // a lane that has finished takes nothing more
    await Promise.all([this.#lanes.events.finish(), this.#lanes.calls.finish(), ...this.#large]);
  }

  /** Writes out and finishes the control stream. */
  async finishControl(): Promise<void> {
    await this.#lanes.control.finish();
  }

  /** Counts and promises nothing any more; what was queued on the control stream may still go out. */
  stop(): void {
    if (this.#stopped) return;
    this.#owner.queued(-this.#queuedBytes);
    this.#stopped = true;
    this.#eventsLost = this.#lanes.events.events + this.#largeEvents;
    this.#queuedBytes = 0;
    this.#release();
  }

  async #openStream(): Promise<WritableStream<Uint8Array>> {
    this.#streamsOpened++;
    return await this.#connection.openSend();
  }

  #queued(bytes: number): void {
    if (this.#stopped) return;
    const { waitBytes } = this.#limits;
    this.#queuedBytes += bytes;
    if (this.#queuedBytes > waitBytes) this.#waiting = true;
    else if (this.#waiting && this.#queuedBytes <= waitBytes / 2) {
      this.#waiting = false;
      if (this.#missed > 0) this.#tellMissed();
      this.#release();
      this.#owner.drained();
    }
    this.#owner.queued(bytes);
  }

  #release(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resume of waiters) resume();
  }

  /** How many events are lost where a message does not get away. */
  #eventsIn(message: Message): number {
    if (message.kind === "burst") return message.count;
    return message.kind === "publish" && !(message.acknowledge && this.#owner.repeats) ? 1 : 0;
  }

  #tellMissed(): void {
    const count = this.#missed;
    this.#missed = 0;
    this.#lanes.events.append({ kind: "missed", count });
  }

  #sendLarge(message: Message, name: Lane): void {
    const reference = ++this.#largeReferences, frame = encodeFrame(message), lane = this.#lanes[name];
    lane.append({ kind: "elsewhere", reference, order: keyBytes(orderKey(message) ?? "") });
    this.#queued(frame.length);
    const events = this.#eventsIn(message);
    this.#largeEvents += events;
    const sending = this.#writeLarge(reference, frame, lane).then(() => void (this.#largeEvents -= events))
      .catch((cause) => this.#owner.broken(cause));
    this.#large.add(sending);
    sending.finally(() => this.#large.delete(sending));
  }

  async #writeLarge(reference: number, frame: Uint8Array, lane: LaneWriter): Promise<void> {
    if (this.#largeSending >= LARGE_STREAMS_MAX) await new Promise<void>((go) => this.#largeWaiting.push(go));
    this.#largeSending++;
    try {
      await lane.open(); // before it: large streams wait for their markers, so they must not take the lane's place
      const writer = (await this.#openStream()).getWriter();
      await writer.write(encodeFrame({ kind: "elsewhere", reference }));
      await writer.write(frame);
      await writer.close();
      this.#owner.wrote(frame.length);
    } finally {
      this.#queued(-frame.length);
      this.#largeSending--;
      this.#largeWaiting.shift()?.();
    }
  }
}

/** How many events are dropped with a message that may be: none where it may not. */
function mayDrop(message: Message): number {
  if (message.kind === "burst") return message.count;
  return message.kind === "publish" && message.qos === 0 && !message.acknowledge ? 1 : 0;
}

/** An estimate of a frame's length, good enough to tell a large one. */
function bodyBytes(message: Message): number {
  switch (message.kind) {
    case "publish":
      return message.frame?.length ?? message.payload.length + (message.headers?.length ?? 0) + FRAME_HEADER_BYTES;
    case "rpcRequest":
    case "cast":
      return message.frame?.length ?? message.args.length + FRAME_HEADER_BYTES;
    case "rpcReply":
      return message.frame?.length ?? (message.result?.length ?? 0) + FRAME_HEADER_BYTES;
    default:
      return 0;
  }
}
