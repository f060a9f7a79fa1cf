/** The incoming half of a link: streams → frames → messages, in the order that was promised. @module */

import { Slab } from "../base/slab.ts";
import type { BidiStream } from "../transport/transport.ts";
import {
  type Burst,
  burstEvents,
  type Decoder,
  type Elsewhere,
  ELSEWHERE_ID,
  FrameReader,
  MalformedFrame,
  type Message,
} from "../wire/mod.ts";
import type { FrameSource } from "./frame_source.ts";
import type { Incoming } from "./streams/arrivals.ts";
import { ChunkReader } from "./streams/chunks.ts";
import { HELD_BYTES_MAX, HeldFrames, orderKey } from "./held_frames.ts";

/** Who gets the messages. */
export interface ReaderOwner {
  onMessage(message: Message): void;
  /** Whether it has taken a burst as it is; else it is given its events, one by one. */
  forward?(burst: Burst): boolean;
  /** Asked after every frame: a promise if reading should pause. */
  pause(): Promise<void> | undefined;
  /** Bytes came in. */
  read(bytes: number): void;
  /** The peer opens more streams than it may. */
  tooManyStreams(text: string): void;
  /** The peer broke the protocol, or a stream broke. */
  failed(error: unknown): void;
}

/** Streams that are read at once, those included that have ended and wait for a large frame; a peer opens at most 8. */
const STREAMS_MAX = 16;
/** Two-way streams beside the first over the life of a link, each refused: ours opens none. */
export const STRANGE_STREAMS_MAX = 16;

/** Steps of promises before a stream is read on: in each an application takes an event of those that came. */
const STEPS_FIRST = 4;

const NO_ORDER = new Uint8Array(0);

/** Reads all streams that the peer opens. */
export class LinkReader {
  readonly #incoming: Incoming;
  readonly #frameBytesMax: number;
  readonly #owner: ReaderOwner;
  readonly #decoder: Decoder;
  /** For the frames of all lanes. */
  readonly #slab = new Slab();
  /** In which lane a large frame is waited for. */
  readonly #announced = new Map<number, HeldFrames>();
  /** Large frames that came before their markers; each keeps its stream open. */
  readonly #early = new Map<number, Uint8Array>();
  #waiters: (() => void)[] = [];
  #stopped = false;
  #streams = 0;
  #streamsRead = 0;
  #strange = 0;

  constructor(incoming: Incoming, options: { frameBytesMax: number; decoder: Decoder }, owner: ReaderOwner) {
    this.#incoming = incoming;
    this.#frameBytesMax = options.frameBytesMax;
    this.#decoder = options.decoder;
    this.#owner = owner;
  }

  /** Resolves when `count` one-way streams have been read to their end, or reading has stopped. */
  streamsRead(count: number): Promise<void> {
    return this.#while(() => this.#streamsRead < count);
  }

  /** Counts up while something is read. */
  get progress(): number {
    return this.#streamsRead;
  }

  /** Reads until the peer has finished the control stream. */
  async start(control: FrameSource): Promise<void> {
    this.#incoming.lanes.give((stream) => this.#accept(stream)).catch((error) => this.#owner.failed(error));
    this.#incoming.twoWay?.give((stream) => this.#refuse(stream)).catch(() => {});
    const held = new HeldFrames();
    try {
      await this.#readFrames(control.reader, control.frames, (frame) => this.#onFrame(held, frame));
    } catch (error) {
      this.#owner.failed(error);
    }
  }

  /** Hands over nothing any more. */
  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  #accept(stream: ReadableStream<Uint8Array>): void {
    if (++this.#streams > STREAMS_MAX) {
      this.#incoming.lanes.cancel();
      return this.#owner.tooManyStreams(`Cannot read on: a peer has at most ${STREAMS_MAX} streams open, got more`);
    }
    this.#readStream(stream).catch((error) => this.#owner.failed(error)).finally(() => {
      this.#streams--;
      this.#streamsRead++;
      this.#wake();
    });
  }

  #refuse(stream: BidiStream): void {
    refuseStream(stream);
    if (++this.#strange !== STRANGE_STREAMS_MAX + 1) return;
    const rule = `beside the first two-way stream at most ${STRANGE_STREAMS_MAX} are opened in vain`;
    this.#owner.tooManyStreams(`Cannot read on: ${rule}, got more`);
  }

  async #readStream(stream: ReadableStream<Uint8Array>): Promise<void> {
    const frames = new FrameReader({ frameBytesMax: this.#frameBytesMax, slab: this.#slab }), held = new HeldFrames();
    let large: number | undefined, first = true;
    await this.#readFrames(new ChunkReader(stream), frames, (frame) => {
      if (large === undefined && first && frame[1] === ELSEWHERE_ID) {
        const message = this.#decoder.decode(frame);
        if (message.kind === "elsewhere" && message.order === undefined) {
          large = message.reference;
          return undefined;
        }
      }
      if (large === undefined) {
        first = false;
        return this.#onFrame(held, frame);
      }
      if (!first) throw new MalformedFrame("a stream of a large frame ends behind it, got another frame");
      first = false;
      return this.#onLarge(large, frame);
    });
    if (!held.empty) await this.#while(() => !held.empty);
  }

  async #readFrames(
    reader: ChunkReader,
    frames: FrameReader,
    onFrame: (frame: Uint8Array) => Promise<void> | undefined,
  ): Promise<void> {
    const owner = this.#owner;
    for (let chunk: Uint8Array | undefined;;) {
      for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
        if (this.#stopped) return;
        const held = onFrame(frame);
        if (held !== undefined) await held;
        const pause = owner.pause();
        if (pause !== undefined) await pause;
      }
      // To ask for more takes as long as all else here: who waits for what has come goes first.
      for (let steps = chunk === undefined ? 0 : STEPS_FIRST; steps > 0; steps--) await undefined;
      if (this.#stopped) return;
      const { value, done } = await reader.read(chunk, true);
      if (done || this.#stopped) break;
      owner.read(value.length);
      frames.push(chunk = value);
    }
    if (!this.#stopped) frames.end();
  }

  #onFrame(lane: HeldFrames, frame: Uint8Array): Promise<void> | undefined {
    const message = this.#decoder.decode(frame);
    if (message.kind === "elsewhere") this.#onMarker(lane, message);
    else if (lane.empty || !lane.hold(orderKey(message), frame)) {
      if (message.kind === "burst") return this.#onBurst(message);
      this.#owner.onMessage(message);
      return undefined;
    }
    return lane.full ? this.#while(() => lane.full) : undefined;
  }

  /** Pauses behind an event as behind a frame. */
  #onBurst(burst: Burst): Promise<void> | undefined {
    if (this.#owner.forward?.(burst) === true) return undefined;
    return this.#onEvents(burstEvents(burst), 0);
  }

  #onEvents(events: readonly Message[], from: number): Promise<void> | undefined {
    for (let i = from; i < events.length && !this.#stopped; i++) {
      this.#owner.onMessage(events[i]!);
      const pause = i + 1 < events.length ? this.#owner.pause() : undefined; // behind the last one its frame ends
      if (pause !== undefined) return pause.then(() => this.#onEvents(events, i + 1));
    }
    return undefined;
  }

  /** What the marker stands for, and what has the same order key, comes in its place. */
  #onMarker(lane: HeldFrames, { reference, order = NO_ORDER }: Elsewhere): void {
    if (this.#announced.has(reference)) throw new MalformedFrame(`a large frame is announced once, got ${reference}`);
    lane.announce(reference, order);
    const early = this.#early.get(reference);
    if (early === undefined) {
      this.#announced.set(reference, lane);
      return;
    }
    this.#early.delete(reference);
    this.#goOn(lane.arrived(reference, early));
  }

  /** Its stream stays open while the frame waits: so a peer cannot make us hold more than it may open. */
  #onLarge(reference: number, frame: Uint8Array): Promise<void> | undefined {
    const lane = this.#announced.get(reference);
    if (lane === undefined) {
      if (this.#early.has(reference)) throw new MalformedFrame(`a large frame is sent once, got ${reference} twice`);
      this.#early.set(reference, frame);
      return this.#while(() => this.#early.has(reference));
    }
    this.#announced.delete(reference);
    this.#goOn(lane.arrived(reference, frame));
    return lane.bytes > HELD_BYTES_MAX ? this.#while(() => lane.bytes > HELD_BYTES_MAX) : undefined;
  }

  /** Frames whose turn has come. */
  #goOn(ready: readonly Uint8Array[]): void {
    for (const frame of ready) {
      const message = this.#decoder.decode(frame), events = message.kind === "burst" ? burstEvents(message) : [message];
      for (const one of events) if (!this.#stopped) this.#owner.onMessage(one);
    }
    this.#wake();
  }

  async #while(condition: () => boolean): Promise<void> {
    while (!this.#stopped && condition()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}

/** Reads no more of a stream; its peer is told. */
export function cancelStream(stream: ReadableStream): void {
  stream.cancel().catch(() => {}); // it is gone already
}

/** Two-way streams beyond the first are not part of the protocol. */
export function refuseStream({ readable, writable }: BidiStream): void {
  cancelStream(readable);
  writable.abort().catch(() => {});
}
