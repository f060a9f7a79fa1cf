/** The incoming half of a link: streams → frames → messages, in the order that was promised. @module */

import { bytesKey } from "../base/bytes.ts";
import type { Connection } from "../transport/transport.ts";
import { type Decoder, ELSEWHERE_ID, FrameReader, type Message } from "../wire/mod.ts";
import type { FrameSource } from "./frame_source.ts";
import { HELD_BYTES_MAX, HeldFrames, orderKey } from "./held_frames.ts";

/** Who gets the messages. */
export interface ReaderOwner {
  onMessage(message: Message): void;
  /** Asked after every frame: a promise if reading should pause. */
  pause(): Promise<void> | undefined;
  /** Bytes came in. */
  read(bytes: number): void;
  /** The peer broke the protocol, or a stream broke. */
  failed(error: unknown): void;
}

/** Reads all streams that the peer opens. */
export class LinkReader {
  readonly #connection: Connection;
  readonly #frameBytesMax: number;
  readonly #owner: ReaderOwner;
  readonly #decoder: Decoder;
  readonly #held = new HeldFrames();
  #heldDrained: (() => void) | undefined;
  #stopped = false;
  #lanesRead = 0;

  constructor(connection: Connection, options: { frameBytesMax: number; decoder: Decoder }, owner: ReaderOwner) {
    this.#connection = connection;
    this.#frameBytesMax = options.frameBytesMax;
    this.#decoder = options.decoder;
    this.#owner = owner;
  }

  /** One-way streams that were read to their end. */
  get lanesRead(): number {
    return this.#lanesRead;
  }

  /** Reads until the peer has finished the control stream. */
  async start(control: FrameSource): Promise<void> {
    this.#acceptLanes().catch((error) => this.#owner.failed(error));
    this.#connection.incomingBidi.pipeTo(refuseStreams()).catch(() => {});
    try {
      await this.#readFrames(control.reader, control.frames, (frame) => this.#onFrame(frame));
    } catch (error) {
      this.#owner.failed(error);
    }
  }

  /** Hands over nothing any more. */
  stop(): void {
    this.#stopped = true;
    this.#heldDrained?.();
  }

  /** A marker was read: what it stands for, and what has the same order key, comes in its place. */
  onElsewhere(reference: number, order: Uint8Array): void {
    this.#goOn(this.#held.announce(reference, bytesKey(order)));
  }

  async #acceptLanes(): Promise<void> {
    for await (const stream of this.#connection.incomingSend) {
      this.#readLane(stream).catch((error) => this.#owner.failed(error)).finally(() => this.#lanesRead++);
    }
  }

  async #readLane(stream: ReadableStream<Uint8Array>): Promise<void> {
    const frames = new FrameReader({ frameBytesMax: this.#frameBytesMax });
    let large: number | undefined, first = true;
    await this.#readFrames(stream.getReader(), frames, (frame) => {
      if (large !== undefined) {
        this.#goOn(this.#held.arrived(large, frame.slice()));
        return undefined;
      }
      if (first && frame[1] === ELSEWHERE_ID) {
        const message = this.#decoder.decode(frame);
        if (message.kind === "elsewhere" && message.order === undefined) {
          large = message.reference;
          return undefined;
        }
      }
      first = false;
      return this.#onFrame(frame);
    });
  }

  async #readFrames(
    reader: ReadableStreamDefaultReader<Uint8Array>,
    frames: FrameReader,
    onFrame: (frame: Uint8Array) => Promise<void> | undefined,
  ): Promise<void> {
    const owner = this.#owner;
    for (;;) {
      for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
        const held = onFrame(frame);
        if (held !== undefined) await held;
        const pause = owner.pause();
        if (pause !== undefined) await pause;
        if (this.#stopped) return;
      }
      const { value, done } = await reader.read();
      if (done || this.#stopped) break;
      owner.read(value.length);
      frames.push(value);
    }
    if (!this.#stopped) frames.end();
  }

  #onFrame(frame: Uint8Array): Promise<void> | undefined {
    const message = this.#decoder.decode(frame);
    if (!this.#held.empty && this.#held.hold(orderKey(message), frame)) {
      if (this.#held.bytes <= HELD_BYTES_MAX) return undefined;
      return new Promise((resolve) => this.#heldDrained = resolve);
    }
    this.#owner.onMessage(message);
    return undefined;
  }

  /** Frames whose turn has come. */
  #goOn(ready: readonly Uint8Array[]): void {
    for (const frame of ready) this.#owner.onMessage(this.#decoder.decode(frame));
    if (this.#held.bytes > HELD_BYTES_MAX) return;
    this.#heldDrained?.();
    this.#heldDrained = undefined;
  }
}

/** Two-way streams beyond the first are not part of the protocol. */
function refuseStreams(): WritableStream<{ readable: ReadableStream; writable: WritableStream }> {
  return new WritableStream({
    write({ readable, writable }) {
      readable.cancel().catch(() => {});
      writable.abort().catch(() => {});
    },
  });
}
