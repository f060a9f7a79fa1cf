/**
 * 0xB4: events of one publisher on one topic, neither acknowledged nor with anything that 0xB1 has no room for: one, or
 * as many as are sent in quick succession. What they have in common stands there once, and a hub hands the frame on as
 * it is: so both the bytes on the wire and the work of a hub per event are a fraction of what single frames take.
 *
 *     8          u8   bit 2: the encoding is json, else bytes · others 0
 *     9          u8   length of the topic, n
 *     10         u48  at of the first, big endian
 *     16         message id of the first, 16 bytes
 *     32         publisher, 32 bytes
 *     64         topic, n bytes of ASCII
 *     64 + n     the events, at least one, to the end of the frame; of each:
 *       0        u16  length of its body, m
 *       2        u8   its at, less that of the first
 *       3        body, m bytes
 *
 * The id of each following one is that of the one before plus one, in its last four bytes, which do not overflow.
 *
 * @module
 */

import { equalBytes } from "../../base/bytes.ts";
import { MalformedFrame } from "../malformed_frame.ts";
import type { TextCache } from "../text_cache.ts";
import type { Writer } from "../writer.ts";
import { fits, plainEvent, putEvent } from "./event.ts";
import type { Publish } from "./pubsub.ts";
import {
  AS_JSON,
  ID_BYTES,
  NODE_BYTES,
  part,
  putHeader,
  putId,
  putName,
  putU32,
  putU48,
  readName,
  readU32,
  readU48,
} from "./short_form.ts";
import { FRAME_HEADER_BYTES } from "../frame.ts";

/** The type id. */
export const BURST_ID = 0xb4;
/** Its name in the protocol. */
export const BURST_NAME = "burst";
/** Longest frame that is read, header included. */
export const BURST_BYTES_MAX = 16 * 1024;
/** Longest frame that is written: its first event is not delivered before the last has come. */
export const BURST_BYTES_WRITTEN = 4 * 1024;

const AT_OFFSET = FRAME_HEADER_BYTES + 2, ID_OFFSET = AT_OFFSET + 6, PUBLISHER_OFFSET = ID_OFFSET + ID_BYTES;
const TOPIC_OFFSET = PUBLISHER_OFFSET + NODE_BYTES, EVENT_HEAD_BYTES = 3, LATER_MS_MAX = 0xff;
const COUNTED_OFFSET = ID_BYTES - 4;

/**
 * Events in one frame. They are valid as they stand; `burstEvents` gives them one by one. None is signed: what has a
 * proof goes alone.
 */
export interface Burst {
  readonly kind: "burst";
  readonly topic: string;
  /** 32 bytes. */
  readonly publisher: Uint8Array;
  readonly encoding: "json" | "bytes";
  /** Of the first, ms. */
  readonly at: number;
  readonly proof?: undefined;
  readonly originProof?: undefined;
  readonly claimed?: undefined;
  readonly kept?: undefined;
  /** How many there are. */
  readonly count: number;
  /** The whole frame as it was received: forwarded as it is. */
  readonly frame: Uint8Array;
}

/** Writes events to one stream, one behind the other; what one can share with the one before is not written again. */
export class EventWriter {
  /** The event at the end of what is written, if another could share its frame. */
  #last: Publish | undefined;
  /** Where the burst begins that `#last` is in. */
  #start = 0;
  #firstAt = 0;

  /** Something else is written now, or to another buffer. */
  close(): void {
    this.#last = undefined;
  }

  /** Appends an event; false, and nothing is written, where it fits no short form. */
  append(writer: Writer, event: Publish): boolean {
    const last = this.#last;
    this.#last = undefined;
    if (event.frame !== undefined || !fits(event)) return false;
    // Also where it may remain the only one: who reads it then has one way for all of them.
    if (isUnacknowledged(event)) {
      const isIn = last !== undefined && follows(last, event) && this.#extend(writer, event);
      if (isIn || this.#begin(writer, event)) {
        this.#last = event;
        return true;
      }
    }
    return putEvent(writer, event);
  }

  #extend(writer: Writer, event: Publish): boolean {
    const start = this.#start, laterMs = event.at! - this.#firstAt;
    const length = writer.length - start + EVENT_HEAD_BYTES + event.payload.length;
    if (length > BURST_BYTES_WRITTEN || laterMs < 0 || laterMs > LATER_MS_MAX) return false;
    putOne(writer, event, laterMs);
    putU32(writer.bytes, start + 4, length - FRAME_HEADER_BYTES);
    return true;
  }

  #begin(writer: Writer, event: Publish): boolean {
    const { topic, payload } = event, head = TOPIC_OFFSET + topic.length;
    const length = head + EVENT_HEAD_BYTES + payload.length, start = writer.length;
    if (length > BURST_BYTES_WRITTEN) return false;
    writer.reserve(length);
    const { bytes } = writer;
    if (!putName(bytes, start + TOPIC_OFFSET, topic)) return false;
    putHeader(bytes, start, BURST_ID, length);
    bytes[start + 8] = event.encoding === "json" ? AS_JSON : 0;
    bytes[start + 9] = topic.length;
    putU48(bytes, start + AT_OFFSET, event.at!);
    putId(bytes, start + ID_OFFSET, event.messageId, ID_BYTES);
    putId(bytes, start + PUBLISHER_OFFSET, event.publisher!, NODE_BYTES);
    writer.length = start + head;
    putOne(writer, event, 0);
    this.#start = start;
    this.#firstAt = event.at!;
    return true;
  }
}

/** Whether an event may stand in one frame with others: it is best written by an `EventWriter`. */
export function sharesFrame(event: Publish): boolean {
  return event.frame === undefined && isUnacknowledged(event) && fits(event);
}

/** The id that comes after one in a burst; undefined behind the last one of its series. */
export function nextId(id: Uint8Array, room: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  const counted = readU32(id, COUNTED_OFFSET);
  if (counted === 0xffff_ffff) return undefined;
  putId(room, 0, id, COUNTED_OFFSET);
  putU32(room, COUNTED_OFFSET, counted + 1);
  return room;
}

/** Reads the frame that ends at `end`; throws `MalformedFrame`. */
export function readBurst(frame: Uint8Array, end: number, texts: TextCache | undefined): Burst {
  if (end > BURST_BYTES_MAX) throw new MalformedFrame(`a burst has at most ${BURST_BYTES_MAX} bytes, got ${end}`);
  const flags = frame[8]!, first = TOPIC_OFFSET + frame[9]!;
  if (end <= first) throw new MalformedFrame(`a burst holds its topic and an event, got ${end} bytes`);
  if ((flags & ~AS_JSON) !== 0) throw new MalformedFrame(`a burst has flags of this version, got ${flags}`);
  let count = 0, at = first;
  for (; at + EVENT_HEAD_BYTES <= end; count++) at = bodyEnd(frame, at);
  if (at !== end) throw new MalformedFrame(`a burst ends behind an event, got ${end} bytes, not ${at}`);
  if (readU32(frame, ID_OFFSET + COUNTED_OFFSET) + count - 1 > 0xffff_ffff) {
    throw new MalformedFrame(`the ids in a burst do not overflow, got ${count} events`);
  }
  return {
    kind: "burst",
    topic: readName(frame, TOPIC_OFFSET, first, texts),
    publisher: part(frame, PUBLISHER_OFFSET, NODE_BYTES),
    encoding: (flags & AS_JSON) !== 0 ? "json" : "bytes",
    at: readU48(frame, AT_OFFSET),
    count,
    frame: frame.length === end ? frame : frame.subarray(0, end),
  };
}

/** The events of a burst, in order. Their bodies are parts of its frame. */
export function burstEvents({ topic, publisher, encoding, at: firstAt, count, frame }: Burst): Publish[] {
  const json = encoding === "json", events: Publish[] = [], ids = new Uint8Array(count * ID_BYTES);
  let id = part(frame, ID_OFFSET, ID_BYTES);
  for (let i = 0, at = TOPIC_OFFSET + topic.length; i < count; i++) {
    if (i > 0) id = nextId(id, new Uint8Array(ids.buffer, i * ID_BYTES, ID_BYTES))!;
    const end = bodyEnd(frame, at), body = at + EVENT_HEAD_BYTES;
    const payload = part(frame, body, end - body);
    events.push(plainEvent({ topic, publisher, messageId: id, payload, at: firstAt + frame[at + 2]!, json }));
    at = end;
  }
  return events;
}

/**
 * The same for who keeps them and may never look at their ids: what is not in the frame as it stands is made when it is
 * asked for. For a copy with `{ ...event }` take those of `burstEvents`.
 */
export function briefEvents(burst: Burst): BriefEvent[] {
  const { frame, count } = burst, events = new Array<BriefEvent>(count);
  for (let i = 0, at = TOPIC_OFFSET + frame[9]!; i < count; i++) {
    const end = bodyEnd(frame, at);
    events[i] = new BriefEvent(burst, i, at + EVENT_HEAD_BYTES, end);
    at = end;
  }
  return events;
}

/** One event of a burst. */
class BriefEvent implements Publish {
  readonly #burst: Burst;
  readonly #index: number;
  readonly #from: number;
  readonly #to: number;

  constructor(burst: Burst, index: number, from: number, to: number) {
    this.#burst = burst;
    this.#index = index;
    this.#from = from;
    this.#to = to;
  }

  get kind(): "publish" {
    return "publish";
  }

  get topic(): string {
    return this.#burst.topic;
  }

  get payload(): Uint8Array {
    return part(this.#burst.frame, this.#from, this.#to - this.#from);
  }

  get qos(): number {
    return 0;
  }

  get retain(): boolean {
    return false;
  }

  get messageId(): Uint8Array {
    const id = this.#burst.frame.slice(ID_OFFSET, ID_OFFSET + ID_BYTES);
    putU32(id, COUNTED_OFFSET, readU32(id, COUNTED_OFFSET) + this.#index);
    return id;
  }

  get publisher(): Uint8Array {
    return this.#burst.publisher;
  }

  get encoding(): string {
    return this.#burst.encoding;
  }

  get at(): number {
    return this.#burst.at + this.#burst.frame[this.#from - 1]!;
  }
}

/** Whether an event that shares its frame can share that of the one before it. */
function follows(last: Publish, event: Publish): boolean {
  const a = last.messageId, b = event.messageId, publisher = event.publisher!;
  if (event.topic !== last.topic || event.encoding !== last.encoding) return false;
  for (let i = 0; i < COUNTED_OFFSET; i++) if (a[i] !== b[i]) return false;
  if (readU32(b, COUNTED_OFFSET) !== readU32(a, COUNTED_OFFSET) + 1) return false;
  return publisher === last.publisher || equalBytes(publisher, last.publisher!);
}

function isUnacknowledged({ qos, acknowledge }: Publish): boolean {
  return qos === 0 && acknowledge === undefined;
}

function putOne(writer: Writer, { payload }: Publish, laterMs: number): void {
  const { length } = payload;
  writer.reserve(EVENT_HEAD_BYTES + length);
  const { bytes, length: at } = writer;
  bytes[at] = length >>> 8;
  bytes[at + 1] = length;
  bytes[at + 2] = laterMs;
  bytes.set(payload, at + EVENT_HEAD_BYTES);
  writer.length = at + EVENT_HEAD_BYTES + length;
}

function bodyEnd(frame: Uint8Array, at: number): number {
  return at + EVENT_HEAD_BYTES + (frame[at]! << 8 | frame[at + 1]!);
}
