/**
 * The publish that nearly every event is, straight from and to its bytes: a body up to 64 KiB, an ASCII topic, and of
 * the optional fields `publisher`, `encoding` and `at`, in the order of the schema. It costs half of going through
 * the schema, and every event pays it at each end. Whatever looks different is left to the schema, which accepts and
 * refuses the same: `tests/wire/usual_publish_test.ts` holds the two against each other.
 *
 * @module
 */

import { FRAME_HEADER_BYTES, FRAME_VERSION } from "../frame.ts";
import type { TextCache } from "../text_cache.ts";
import type { Writer } from "../writer.ts";
import type { Publish } from "./pubsub.ts";

const ID_BYTES = 16, PUBLISHER_BYTES = 32, TEXT_BYTES_MAX = 0xff, PAYLOAD_BYTES_MAX = 0xffff, AT_BYTES = 8;
/** Integers from here to 2^53 are written in eight bytes. */
const WIDE_FROM = 0x1_0000_0000;

// What stands between the values, in order: a map of eight, then each key with the type byte of its value.
const HEAD = Uint8Array.of(FRAME_VERSION, 0x10, 0, 0);
const ENTRIES = 0x88;
const MESSAGE_ID = between("message_id", 0xc4, ID_BYTES);
const PAYLOAD = between("payload");
const QOS = between("qos");
const RETAIN_FALSE = between("retain", 0xc2);
const TOPIC = between("topic", 0xc4);
const PUBLISHER = between("publisher", 0xc4, PUBLISHER_BYTES);
const ENCODING = between("encoding", 0xc4);
const AT = between("at", 0xcf);
const ENCODING_BYTES = 5;
const AS_BYTES = between("encoding", 0xc4, ENCODING_BYTES, ...ascii("bytes"));
const AS_JSON = between("encoding", 0xc4, ENCODING_BYTES - 1, ...ascii("json"));
const CONSTANT_BYTES = [MESSAGE_ID, PAYLOAD, QOS, RETAIN_FALSE, TOPIC, PUBLISHER, AS_BYTES, AT]
  .reduce((sum, { length }) => sum + length, FRAME_HEADER_BYTES + 1);
/** Everything but body and topic: the values, and the lengths before the body and the topic. */
const FIXED_BYTES = CONSTANT_BYTES + ID_BYTES + 3 + 1 + 1 + PUBLISHER_BYTES + AT_BYTES;

/** Appends the whole frame; false, and nothing is written, where the event is not the usual one. */
export function writeUsualPublish(writer: Writer, message: Publish): boolean {
  const { topic, payload, messageId, publisher, encoding, at } = message;
  const asEncoded = encoding === "bytes" ? AS_BYTES : encoding === "json" ? AS_JSON : undefined;
  if (asEncoded === undefined || publisher === undefined || at === undefined || !isUsual(message)) return false;
  writer.reserve(FIXED_BYTES + topic.length + payload.length);
  const { bytes, length: start } = writer;
  let end = put(bytes, start, HEAD) + 4;
  bytes[end++] = ENTRIES;
  end = put(bytes, end, MESSAGE_ID);
  end = put(bytes, end, messageId);
  end = put(bytes, end, PAYLOAD);
  if (payload.length <= 0xff) bytes[end++] = 0xc4;
  else {
    bytes[end++] = 0xc5;
    bytes[end++] = payload.length >>> 8;
  }
  bytes[end++] = payload.length;
  bytes.set(payload, end);
  end = put(bytes, end + payload.length, QOS);
  bytes[end++] = message.qos;
  end = put(bytes, end, RETAIN_FALSE);
  end = put(bytes, end, TOPIC);
  bytes[end++] = topic.length;
  for (let i = 0; i < topic.length; i++) {
    const code = topic.charCodeAt(i);
    if (code > 0x7f) return false;
    bytes[end++] = code;
  }
  end = put(bytes, end, PUBLISHER);
  end = put(bytes, end, publisher);
  end = put(bytes, end, asEncoded);
  end = put(bytes, end, AT);
  putU32(bytes, end, at / WIDE_FROM);
  putU32(bytes, end + 4, at % WIDE_FROM);
  end += AT_BYTES;
  putU32(bytes, start + 4, end - start - FRAME_HEADER_BYTES);
  writer.length = end;
  return true;
}

/** Whether what is not looked at elsewhere is as the usual event has it, and every value one that the schema takes. */
function isUsual(message: Publish): boolean {
  const { topic, payload, messageId, publisher, at, qos, retain } = message;
  return message.publisherDid === undefined && message.ucanToken === undefined && message.headers === undefined &&
    message.acknowledge === undefined && message.proof === undefined && message.originProof === undefined &&
    retain === false && (qos === 0 || qos === 1 || qos === 2) &&
    typeof topic === "string" && topic.length <= TEXT_BYTES_MAX &&
    payload instanceof Uint8Array && payload.length <= PAYLOAD_BYTES_MAX &&
    messageId instanceof Uint8Array && messageId.length === ID_BYTES &&
    publisher instanceof Uint8Array && publisher.length === PUBLISHER_BYTES &&
    Number.isSafeInteger(at) && at! >= WIDE_FROM;
}

/** Reads the frame that ends at `end`; undefined where the event is not the usual one, or not one at all. */
export function readUsualPublish(frame: Uint8Array, end: number, texts: TextCache): Publish | undefined {
  let at = FRAME_HEADER_BYTES;
  if (frame[at++] !== ENTRIES || !stands(frame, at, MESSAGE_ID)) return undefined;
  const messageIdAt = at += MESSAGE_ID.length;
  if (!stands(frame, at += ID_BYTES, PAYLOAD)) return undefined;
  at += PAYLOAD.length;
  const form = frame[at++], isLong = form === 0xc5;
  if (form !== 0xc4 && !isLong) return undefined;
  const payloadLength = isLong ? frame[at++]! << 8 | frame[at++]! : frame[at++]!, payloadAt = at;
  if (!stands(frame, at += payloadLength, QOS)) return undefined;
  const qos = frame[at += QOS.length]!;
  if (qos > 2 || !stands(frame, ++at, RETAIN_FALSE) || !stands(frame, at += RETAIN_FALSE.length, TOPIC)) {
    return undefined;
  }
  const topicLength = frame[at += TOPIC.length]!, topicAt = ++at;
  if (!stands(frame, at += topicLength, PUBLISHER)) return undefined;
  const publisherAt = at += PUBLISHER.length;
  if (!stands(frame, at += PUBLISHER_BYTES, ENCODING)) return undefined;
  const encodingLength = frame[at += ENCODING.length]!, encodingAt = ++at;
  if (!stands(frame, at += encodingLength, AT)) return undefined;
  const high = readU32(frame, at += AT.length), low = readU32(frame, at + 4);
  if (high > 0x1f_ffff || at + AT_BYTES !== end) return undefined; // over 2^53, or longer or shorter than its header says
  const topic = texts.text(frame, topicAt, topicAt + topicLength);
  const encoding = texts.text(frame, encodingAt, encodingAt + encodingLength);
  if (topic === undefined || encoding === undefined) return undefined; // not ASCII
  const { buffer, byteOffset } = frame;
  // Every field is there, absent ones as undefined, as the schema leaves them: one hidden class.
  const message: { readonly [K in keyof Required<Publish>]: Publish[K] | undefined } = {
    kind: "publish",
    // Such a view takes two thirds of the time of `subarray`.
    messageId: new Uint8Array(buffer, byteOffset + messageIdAt, ID_BYTES),
    payload: new Uint8Array(buffer, byteOffset + payloadAt, payloadLength),
    publisherDid: undefined,
    qos,
    retain: false,
    topic,
    ucanToken: undefined,
    publisher: new Uint8Array(buffer, byteOffset + publisherAt, PUBLISHER_BYTES),
    encoding,
    at: high * WIDE_FROM + low,
    acknowledge: undefined,
    headers: undefined,
    proof: undefined,
    originProof: undefined,
    frame: frame.length === end ? frame : frame.subarray(0, end),
  };
  return message as Publish;
}

/** A key as MessagePack, and the bytes that follow it whatever the value is. */
function between(key: string, ...following: readonly number[]): Uint8Array {
  return Uint8Array.of(0xc4, key.length, ...ascii(key), ...following);
}

function ascii(text: string): number[] {
  return Array.from(text, (letter) => letter.charCodeAt(0));
}

/** Copies a few bytes and returns where they end: below some thirty a loop is faster than `set`. */
function put(bytes: Uint8Array, at: number, source: Uint8Array): number {
  for (let i = 0; i < source.length; i++) bytes[at + i] = source[i]!;
  return at + source.length;
}

function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}

/** Whether these bytes stand at `at`; behind the end there are none. */
function stands(frame: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (frame[at + i] !== expected[i]) return false;
  return true;
}
