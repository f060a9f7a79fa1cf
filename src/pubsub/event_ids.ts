/**
 * The ids of events that nobody acknowledges. On one topic they count up: a burst then carries the first alone
 * (docs/PROTOCOL.md 4.1), and what a new one costs is little. A new topic begins anew with a random one, so that who may
 * hear of one topic does not learn how many events there are on others.
 *
 * @module
 */

import { toHex } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { Slab } from "../base/slab.ts";
import { nextId } from "../wire/mod.ts";

/** Length of an event's id. */
export const EVENT_ID_BYTES = 16;

const DIGITS: readonly string[] = Array.from({ length: 0x100 }, (_, byte) => toHex(Uint8Array.of(byte)));

/** Makes ids for one publisher. */
export class EventIds {
  readonly #random: Random;
  readonly #slab = new Slab();
  #topic: string | undefined;
  #last: Uint8Array | undefined;
  /** The digits of the last one but for its last byte: to write all of them anew takes as long as the event's whole frame. */
  #digits = "";

  constructor(random: Random) {
    this.#random = random;
  }

  /** The id of the next event on a topic. */
  next(topic: string): Uint8Array {
    const last = topic === this.#topic ? this.#last : undefined;
    const next = last && nextId(last, this.#slab.take(EVENT_ID_BYTES));
    const id = next ?? this.#random.bytes(EVENT_ID_BYTES);
    if (next === undefined || next[EVENT_ID_BYTES - 1] === 0) this.#digits = toHex(id.subarray(0, -1));
    this.#topic = topic;
    return this.#last = id;
  }

  /** An id in hexadecimal digits, also one that was not made here. */
  text(id: Uint8Array): string {
    return id === this.#last ? this.#digits + DIGITS[id[EVENT_ID_BYTES - 1]!] : toHex(id);
  }
}
