/**
 * 0xB1: a publish without names of fields and in fixed places. QUIC's work grows with the bytes, and half of what a
 * publish of 0x10 has beside its body are names; what does not fit here goes as 0x10, and what nobody acknowledges, nearly
 * every event, as 0xB4 (`burst.ts`).
 *
 *     8          u8   bits 0-1: qos · bit 2: the encoding is json, else bytes · bit 3: acknowledge · others 0
 *     9          u8   length of the topic, n
 *     10         u48  at, big endian
 *     16         message id, 16 bytes
 *     32         publisher, 32 bytes
 *     64         topic, n bytes of ASCII
 *     64 + n     body, to the end of the frame
 *
 * @module
 */

import { FRAME_HEADER_BYTES } from "../frame.ts";
import { MalformedFrame } from "../malformed_frame.ts";
import type { TextCache } from "../text_cache.ts";
import type { Writer } from "../writer.ts";
import type { Publish } from "./pubsub.ts";
import {
  AS_JSON,
  ID_BYTES,
  isBody,
  isBytes,
  NAME_BYTES_MAX,
  NODE_BYTES,
  part,
  putHeader,
  putId,
  putName,
  putU48,
  readName,
  readU48,
} from "./short_form.ts";

/** The type id. */
export const EVENT_ID = 0xb1;
/** Its name in the protocol; in memory it is a publish. */
export const EVENT_NAME = "event";

const ACKNOWLEDGE = 0b1000, FLAGS_KNOWN = 0b1111, QOS = 0b11;
const AT_OFFSET = FRAME_HEADER_BYTES + 2, ID_OFFSET = AT_OFFSET + 6, PUBLISHER_OFFSET = ID_OFFSET + ID_BYTES;
const TOPIC_OFFSET = PUBLISHER_OFFSET + NODE_BYTES;
const AT_MAX = 2 ** 48 - 1;

/** Appends the whole frame; false, and nothing is written, where the event has something that this form has not. */
export function writeEvent(writer: Writer, message: Publish): boolean {
  return fits(message) && putEvent(writer, message);
}

/** The same for one that is known to fit; false where its topic is not ASCII. */
export function putEvent(writer: Writer, message: Publish): boolean {
  const { topic, payload, messageId, encoding } = message, publisher = message.publisher!, at = message.at!;
  const end = TOPIC_OFFSET + topic.length + payload.length;
  writer.reserve(end);
  const { bytes, length: start } = writer;
  if (!putName(bytes, start + TOPIC_OFFSET, topic)) return false;
  putHeader(bytes, start, EVENT_ID, end);
  bytes[start + 8] = message.qos | (encoding === "json" ? AS_JSON : 0) | (message.acknowledge ? ACKNOWLEDGE : 0);
  bytes[start + 9] = topic.length;
  putU48(bytes, start + AT_OFFSET, at);
  putId(bytes, start + ID_OFFSET, messageId, ID_BYTES);
  putId(bytes, start + PUBLISHER_OFFSET, publisher, NODE_BYTES);
  bytes.set(payload, start + TOPIC_OFFSET + topic.length);
  writer.length = start + end;
  return true;
}

/** Whether there is nothing beside what this form has, and every value is one that the schema takes. */
export function fits(message: Publish): boolean {
  const { topic, payload, messageId, publisher, at, qos, acknowledge, encoding } = message;
  return message.publisherDid === undefined && message.ucanToken === undefined && message.headers === undefined &&
    message.proof === undefined && message.originProof === undefined && message.claimed === undefined &&
    message.retain === false && message.kept === undefined &&
    (encoding === "bytes" || encoding === "json") && (acknowledge === undefined || acknowledge === true) &&
    (qos === 0 || qos === 1 || qos === 2) &&
    typeof topic === "string" && topic.length <= NAME_BYTES_MAX && isBody(payload) &&
    isBytes(messageId, ID_BYTES) && isBytes(publisher, NODE_BYTES) &&
    Number.isInteger(at) && at! >= 0 && at! <= AT_MAX;
}

/** Reads the frame that ends at `end`; throws `MalformedFrame`. */
export function readEvent(frame: Uint8Array, end: number, texts: TextCache | undefined): Publish {
  if (end < TOPIC_OFFSET) throw new MalformedFrame(`an event has at least ${TOPIC_OFFSET} bytes, got ${end}`);
  const flags = frame[8]!, qos = flags & QOS, payloadOffset = TOPIC_OFFSET + frame[9]!;
  if (qos === QOS || flags > FLAGS_KNOWN) throw new MalformedFrame(`an event has flags of this version, got ${flags}`);
  if (payloadOffset > end) throw new MalformedFrame(`an event holds its topic, got ${end} bytes of ${payloadOffset}`);
  return plainEvent({
    topic: readName(frame, TOPIC_OFFSET, payloadOffset, texts),
    publisher: part(frame, PUBLISHER_OFFSET, NODE_BYTES),
    messageId: part(frame, ID_OFFSET, ID_BYTES),
    payload: part(frame, payloadOffset, end - payloadOffset),
    at: readU48(frame, AT_OFFSET),
    json: (flags & AS_JSON) !== 0,
    qos,
    acknowledge: (flags & ACKNOWLEDGE) !== 0,
    frame: frame.length === end ? frame : frame.subarray(0, end),
  });
}

/** What a short form says of an event. */
interface Said {
  readonly topic: string;
  readonly publisher: Uint8Array;
  readonly messageId: Uint8Array;
  readonly payload: Uint8Array;
  readonly at: number;
  readonly json: boolean;
  readonly qos?: number;
  readonly acknowledge?: boolean;
  readonly frame?: Uint8Array;
}

/** The event with every field there is, absent ones as undefined, as the schema leaves them: one hidden class. */
export function plainEvent(
  { topic, publisher, messageId, payload, at, json, qos = 0, acknowledge = false, frame }: Said,
): Publish {
  const message: { readonly [K in keyof Required<Publish>]: Publish[K] | undefined } = {
    kind: "publish",
    messageId,
    payload,
    publisherDid: undefined,
    qos,
    retain: false,
    topic,
    ucanToken: undefined,
    publisher,
    encoding: json ? "json" : "bytes",
    at,
    acknowledge: acknowledge ? true : undefined,
    headers: undefined,
    proof: undefined,
    originProof: undefined,
    claimed: undefined,
    kept: undefined,
    frame,
  };
  return message as Publish;
}
