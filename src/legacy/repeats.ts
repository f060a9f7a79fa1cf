/**
 * Which events came before. The original sends a QoS 1 event three times within 15 s; its message ids are counters that
 * begin at 1 in each process, so an id alone says nothing: topic and payload belong to it.
 *
 * @module
 */

import { concatBytes, toHex, utf8 } from "../base/bytes.ts";
import { sha256 } from "../identity/mod.ts";

/** How long a repetition is known, ms: the original repeats after 5 s and after 10 s. */
export const REPEAT_MS = 20_000;
/** An event of QoS 0 is not repeated on purpose, and two publishers' counters may agree: known for a moment, ms. */
export const REPEAT_QOS0_MS = 2_000;
/** Events that are remembered; the oldest go. */
const REPEATS_MAX = 100_000;

/** What an event is told by. */
export interface Repeatable {
  readonly messageId: Uint8Array;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: number;
}

/** Remembers events for a while. */
export class Repeats {
  readonly #seen = new Map<string, number>();

  /** Whether this event of `source` came before; remembers it. */
  has(source: Uint8Array, event: Repeatable, now: number): boolean {
    const { messageId, topic, payload, qos } = event, name = utf8(topic);
    const key = toHex(
      sha256(concatBytes(source, messageId, Uint8Array.of(name.length >> 8, name.length), name, payload)),
    );
    const before = this.#seen.get(key);
    if (before !== undefined && now - before < (qos > 0 ? REPEAT_MS : REPEAT_QOS0_MS)) return true;
    this.#seen.delete(key);
    this.#seen.set(key, now);
    for (const [oldest, at] of this.#seen) {
      if (this.#seen.size <= REPEATS_MAX && now - at < REPEAT_MS) break;
      this.#seen.delete(oldest);
    }
    return false;
  }
}
