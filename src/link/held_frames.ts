/**
 * A frame over 64 KiB travels on a stream of its own, so that it blocks nobody else. In the lane where it belongs a
 * marker stands for it; later messages of the same order key (publisher and topic, or request id) are held here until
 * the large one has been read.
 *
 * @module
 */

import { bytesKey } from "../base/bytes.ts";
import { MalformedFrame, type Message } from "../wire/mod.ts";

/** Large frames of one link that are announced and not read. */
const OUTSTANDING_MAX = 64;
/** Held bytes over which the lane itself waits. */
export const HELD_BYTES_MAX = 4 << 20;

/** One place in the order: a frame, or the reference to one that is still being read. */
type Slot = { readonly frame: Uint8Array } | { readonly reference: number; frame: Uint8Array | undefined };

/** Messages with the same key keep their order; undefined where a message has none to keep. */
export function orderKey(message: Message): string | undefined {
  switch (message.kind) {
    case "publish":
      return (message.publisher === undefined ? "" : bytesKey(message.publisher)) + message.topic;
    case "rpcRequest":
    case "rpcCancel":
      return bytesKey(message.requestId);
    default:
      return undefined;
  }
}

/** What waits for large frames on one link. */
export class HeldFrames {
  readonly #queues = new Map<string, Slot[]>();
  readonly #keys = new Map<number, string>();
  readonly #early = new Map<number, Uint8Array>();
  #bytes = 0;

  /** Whether nothing waits. */
  get empty(): boolean {
    return this.#keys.size === 0;
  }

  /** What is held, bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A marker came; returns the frames that may go on now, in order. */
  announce(reference: number, key: string): Uint8Array[] {
    if (this.#keys.size >= OUTSTANDING_MAX) {
      throw new MalformedFrame(`more than ${OUTSTANDING_MAX} large frames announced`);
    }
    const queue = this.#queues.get(key) ?? [];
    this.#queues.set(key, queue);
    this.#keys.set(reference, key);
    queue.push({ reference, frame: undefined });
    const early = this.#early.get(reference);
    if (early === undefined) return [];
    this.#early.delete(reference);
    return this.arrived(reference, early);
  }

  /** A large frame was read; returns the frames that may go on now, in order. */
  arrived(reference: number, frame: Uint8Array): Uint8Array[] {
    const key = this.#keys.get(reference);
    if (key === undefined) {
      if (this.#early.size >= OUTSTANDING_MAX) throw new MalformedFrame("large frames that were never announced");
      this.#early.set(reference, frame);
      return [];
    }
    this.#keys.delete(reference);
    const queue = this.#queues.get(key)!, ready: Uint8Array[] = [];
    const slot = queue.find((one) => "reference" in one && one.reference === reference);
    if (slot !== undefined && "reference" in slot) slot.frame = frame;
    while (queue.length > 0 && queue[0]!.frame !== undefined) {
      const first = queue.shift()!;
      if (!("reference" in first)) this.#bytes -= first.frame.length;
      ready.push(first.frame!);
    }
    if (queue.length === 0) this.#queues.delete(key);
    return ready;
  }

  /** Whether this frame has to wait; it is copied then. */
  hold(key: string | undefined, frame: Uint8Array): boolean {
    const queue = key === undefined ? undefined : this.#queues.get(key);
    if (queue === undefined) return false;
    queue.push({ frame: frame.slice() });
    this.#bytes += frame.length;
    return true;
  }
}
