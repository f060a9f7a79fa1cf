/**
 * The frames of the bare relay: u32 length, u8 type, u8 length of the topic, topic, body. Nothing is encoded or decoded
 * that is not needed to route.
 *
 * @module
 */

/** What a frame is for. */
export const ECHO = 0, SUBSCRIBE = 1, EVENT = 2;

/** Takes frames. */
export interface Sink {
  push(type: number, topic: Uint8Array, body: Uint8Array): void;
}

/** A writer that collects frames while the write before is on its way. */
export class FrameWriter implements Sink {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #buffer = new Uint8Array(2_048);
  #spare = new Uint8Array(2_048);
  #length = 0;
  #writing = false;
  #dead = false;
  /** Resolves when what was pushed so far is written. */
  idle: Promise<void> = Promise.resolve();

  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
  }

  /** Bytes that wait. */
  get queuedBytes(): number {
    return this.#length;
  }

  /** Whether the stream is broken. */
  get dead(): boolean {
    return this.#dead;
  }

  push(type: number, topic: Uint8Array, body: Uint8Array): void {
    const length = 2 + topic.length + body.length, needed = this.#length + 4 + length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = grown;
    }
    const buffer = this.#buffer;
    let at = this.#length;
    buffer[at++] = length >>> 24;
    buffer[at++] = length >>> 16;
    buffer[at++] = length >>> 8;
    buffer[at++] = length;
    buffer[at++] = type;
    buffer[at++] = topic.length;
    buffer.set(topic, at);
    buffer.set(body, at + topic.length);
    this.#length = needed;
    if (this.#writing) return;
    this.#writing = true;
    this.idle = Promise.resolve().then(() => this.#drain()).catch(() => {
      this.#dead = true;
    });
  }

  /** A write that has resolved was copied out, so two buffers take turns. */
  async #drain(): Promise<void> {
    while (this.#length > 0) {
      const buffer = this.#buffer, length = this.#length;
      this.#buffer = this.#spare;
      this.#spare = buffer;
      this.#length = 0;
      await this.#writer.write(buffer.subarray(0, length));
    }
    this.#writing = false;
  }
}

/** Reads a stream frame by frame; `after` each chunk may hold it back. */
export async function readFrames(
  stream: ReadableStream<Uint8Array>,
  on: (type: number, topic: Uint8Array, body: Uint8Array) => void,
  after?: () => Promise<void>,
): Promise<void> {
  let rest: Uint8Array | undefined;
  for await (let chunk of stream as AsyncIterable<Uint8Array>) {
    if (rest !== undefined) {
      const joined = new Uint8Array(rest.length + chunk.length);
      joined.set(rest);
      joined.set(chunk, rest.length);
      chunk = joined;
    }
    let at = 0;
    while (chunk.length - at >= 4) {
      const length = (chunk[at]! << 24 | chunk[at + 1]! << 16 | chunk[at + 2]! << 8 | chunk[at + 3]!) >>> 0;
      if (chunk.length - at - 4 < length) break;
      const topicAt = at + 6, bodyAt = topicAt + chunk[at + 5]!;
      on(chunk[at + 4]!, chunk.subarray(topicAt, bodyAt), chunk.subarray(bodyAt, at + 4 + length));
      at += 4 + length;
    }
    rest = at < chunk.length ? chunk.slice(at) : undefined;
    if (after !== undefined) await after();
  }
}
