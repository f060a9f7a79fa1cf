/**
 * A frame over 64 KiB travels on a stream of its own, so that it blocks nobody else. In the lane where it belongs a
 * marker stands for it; later messages of the same order key (publisher and topic, or request id) are held here until
 * the large one has been read.
 *
 * @module
 */

import { bytesKey } from "../base/bytes.ts";
import { MalformedFrame, type Message } from "../wire/mod.ts";

/** Large frames of one lane that are announced and not read: with more of them the lane waits. */
export const OUTSTANDING_MAX = 64;
/** Held bytes of one lane over which it waits. */
export const HELD_BYTES_MAX = 1 << 20;
/** Longest order key: a node id of up to 255 bytes and a topic. */
const ORDER_BYTES_MAX = 512;

/** One place in the order: a frame, or the reference to one that is still being read. */
interface Slot {
  readonly reference: number | undefined;
  frame: Uint8Array | undefined;
}

/** Messages with the same key keep their order; undefined where a message has none to keep. */
export function orderKey(message: Message): string | undefined {
  switch (message.kind) {
    case "burst":
      return bytesKey(message.publisher) + message.topic;
    case "publish":
      return (message.publisher === undefined ? "" : bytesKey(message.publisher)) + message.topic;
    case "rpcRequest":
    case "rpcCancel":
      return bytesKey(message.requestId);
    default:
      return undefined;
  }
}

/** What waits for large frames in one lane. */
export class HeldFrames {
  readonly #queues = new Map<string, Slot[]>();
  readonly #keys = new Map<number, string>();
  #bytes = 0;

  /** Whether nothing waits. */
  get empty(): boolean {
    return this.#keys.size === 0;
  }

  /** What is held, bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the lane should wait before it is read on. */
  get full(): boolean {
    return this.#keys.size >= OUTSTANDING_MAX || this.#bytes > HELD_BYTES_MAX;
  }

  /** A marker came: what has its order key waits from now on. An empty key keeps no order. */
  announce(reference: number, order: Uint8Array): void {
    if (order.length > ORDER_BYTES_MAX) {
      throw new MalformedFrame(`an order key has at most ${ORDER_BYTES_MAX} bytes, got ${order.length}`);
    }
    if (this.#keys.has(reference)) throw new MalformedFrame(`a large frame is announced once, got ${reference} twice`);
    // No message has a key of one character over 0xff: nobody waits for a large frame without order.
    const key = order.length === 0 ? String.fromCharCode(0x100) + reference : bytesKey(order);
    const queue = this.#queues.get(key), slot: Slot = { reference, frame: undefined };
    this.#keys.set(reference, key);
    if (queue === undefined) this.#queues.set(key, [slot]);
    else queue.push(slot);
  }

  /** A large frame that was announced here has been read; returns the frames that may go on now, in order. */
  arrived(reference: number, frame: Uint8Array): Uint8Array[] {
    const key = this.#keys.get(reference)!, queue = this.#queues.get(key)!;
    this.#keys.delete(reference);
    queue.find((slot) => slot.reference === reference)!.frame = frame;
    this.#bytes += frame.length;
    let ready = queue.findIndex((slot) => slot.frame === undefined);
    if (ready < 0) ready = queue.length;
    const frames = queue.splice(0, ready).map((slot) => slot.frame!);
    for (const { length } of frames) this.#bytes -= length;
    if (queue.length === 0) this.#queues.delete(key);
    return frames;
  }

  /** Whether this frame has to wait; it is copied then. */
  hold(key: string | undefined, frame: Uint8Array): boolean {
    const queue = key === undefined ? undefined : this.#queues.get(key);
    if (queue === undefined) return false;
    queue.push({ reference: undefined, frame: frame.slice() });
    this.#bytes += frame.length;
    return true;
  }
}
