/** Messages to frames and back. @module */

import { ValidationError } from "../base/errors.ts";
import { Cursor } from "./cursor.ts";
import { FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FRAME_VERSION, payloadLength } from "./frame.ts";
import { MalformedFrame } from "./malformed_frame.ts";
import { type Message, RESERVED_TYPES } from "./message.ts";
import { BURST_ID, BURST_NAME, readBurst } from "./messages/burst.ts";
import { DHT_SCHEMAS } from "./messages/dht.ts";
import { EVENT_ID, EVENT_NAME, readEvent, writeEvent } from "./messages/event.ts";
import { MEMBERSHIP_SCHEMAS } from "./messages/membership.ts";
import { NAT_SCHEMAS } from "./messages/nat.ts";
import { PUBSUB_SCHEMAS } from "./messages/pubsub.ts";
import {
  ANSWER_ID,
  ANSWER_NAME,
  QUESTION_ID,
  QUESTION_NAME,
  readAnswer,
  readQuestion,
  writeAnswer,
  writeQuestion,
} from "./messages/question.ts";
import { RPC_SCHEMAS } from "./messages/rpc.ts";
import { SESSION_SCHEMAS } from "./messages/session.ts";
import { readMap, writeValue } from "./msgpack.ts";
import { type MessageSchema, readRecord, snakeCase, writeRecord } from "./schema.ts";
import { TextCache } from "./text_cache.ts";
import type { ValueMap } from "./value.ts";
import { Writer } from "./writer.ts";

/** The schemas of all messages. */
export const SCHEMAS: readonly MessageSchema[] = [
  ...SESSION_SCHEMAS,
  ...PUBSUB_SCHEMAS,
  ...RPC_SCHEMAS,
  ...MEMBERSHIP_SCHEMAS,
  ...DHT_SCHEMAS,
  ...NAT_SCHEMAS,
];

const BY_KIND: ReadonlyMap<string, MessageSchema> = new Map(SCHEMAS.map((schema) => [schema.kind, schema]));
const BY_ID: readonly (MessageSchema | undefined)[] = Array.from(
  { length: 256 },
  (_, id) => SCHEMAS.find((schema) => schema.id === id),
);

/** The short forms have no schema. */
const SHORT_NAMES: ReadonlyMap<number, string> = new Map([
  [EVENT_ID, EVENT_NAME],
  [QUESTION_ID, QUESTION_NAME],
  [ANSWER_ID, ANSWER_NAME],
  [BURST_ID, BURST_NAME],
]);

/** How many texts a decoder remembers: topics and procedures that are busy at one time. */
const CACHED_TEXTS = 1024;

/**
 * Appends the message's whole frame to `writer`: the bytes in `frame` where it has such, else what its fields give.
 * Throws `ValidationError`, and leaves the writer as it was, where a required field is missing or a value is not of its
 * kind.
 */
export function encodeMessage(message: Message, writer: Writer): void {
  const { frame } = message as { readonly frame?: Uint8Array };
  if (frame !== undefined) return writer.set(frame);
  if (writeShort(message, writer)) return;
  const schema = BY_KIND.get(message.kind);
  if (schema === undefined) {
    throw new ValidationError(`Cannot write the message: its kind is one of the protocol, got ${message.kind}`);
  }
  const start = writer.length;
  try {
    writeHeader(writer, schema.id);
    const body = message as unknown as Readonly<Record<string, unknown>>;
    if (schema.form === "open") writeValue(writer, body["fields"] as ValueMap);
    else writeRecord(writer, schema, body);
    finish(writer, start);
  } catch (error) {
    writer.length = start;
    throw error;
  }
}

/** Writes it without names of fields, where it is one of those that nearly all messages are. */
function writeShort(message: Message, writer: Writer): boolean {
  switch (message.kind) {
    case "publish":
      return writeEvent(writer, message);
    case "rpcRequest":
      return writeQuestion(writer, message);
    case "rpcReply":
      return writeAnswer(writer, message);
    default:
      return false;
  }
}

/** The message's whole frame in an array of its own. Throws `ValidationError` as `encodeMessage` does. */
export function encodeFrame(message: Message): Uint8Array<ArrayBuffer> {
  const writer = new Writer(512);
  encodeMessage(message, writer);
  return writer.copy();
}

/** Reads one frame; for many, one `Decoder` is faster. Throws `MalformedFrame`. */
export function decodeFrame(frame: Uint8Array): Message {
  return new Decoder({ cachedTexts: 0 }).decode(frame);
}

/**
 * Reads frames, and remembers the topics and other names that it has met. One for all links of a thread is right: it
 * keeps up to `cachedTexts` (1,024, rounded up to a power of two; 0 for none) texts of at most 255 bytes.
 */
export class Decoder {
  readonly #cursor: Cursor;
  readonly #texts: TextCache | undefined;

  constructor(options: { readonly cachedTexts?: number } = {}) {
    const { cachedTexts = CACHED_TEXTS } = options;
    this.#texts = cachedTexts > 0 ? new TextCache(2 ** (32 - Math.clz32(Math.ceil(cachedTexts) - 1))) : undefined;
    this.#cursor = new Cursor(this.#texts);
  }

  /**
   * Reads the frame at the start of `frame`; bytes behind it are left out of account. Bytes in the message are subarrays
   * of `frame`, and a publish, rpcRequest, rpcReply and cast carries it as its `frame`. Throws `MalformedFrame`.
   */
  decode(frame: Uint8Array): Message {
    const end = frameEnd(frame), id = frame[1]!;
    switch (id) {
      case EVENT_ID:
        return readEvent(frame, end, this.#texts);
      case QUESTION_ID:
        return readQuestion(frame, end, this.#texts);
      case ANSWER_ID:
        return readAnswer(frame, end);
      case BURST_ID:
        return readBurst(frame, end, this.#texts);
    }
    const schema = BY_ID[id];
    if (schema === undefined) return { kind: "unknown", id };
    const cursor = this.#cursor;
    cursor.open(frame, FRAME_HEADER_BYTES, end);
    try {
      const message = readMessage(cursor, schema);
      if (cursor.offset < end) {
        throw new MalformedFrame(`nothing follows the map of its payload, got ${end - cursor.offset} bytes`);
      }
      if (schema.form === "forwarded") message["frame"] = frame.length === end ? frame : frame.subarray(0, end);
      return message as unknown as Message;
    } finally {
      cursor.close();
    }
  }
}

/** The name that the protocol gives to a type id, in snake_case; `undefined` where it gives none. */
export function messageTypeName(id: number): string | undefined {
  const kind = BY_ID[id]?.kind;
  return SHORT_NAMES.get(id) ?? (kind === undefined ? RESERVED_TYPES.get(id) : snakeCase(kind));
}

function readMessage(cursor: Cursor, schema: MessageSchema): Record<string, unknown> {
  if (schema.form === "open") return { kind: schema.kind, fields: readMap(cursor, schema.kind) };
  return readRecord(cursor, schema, schema.kind);
}

/** Where the frame ends, from its header. */
function frameEnd(frame: Uint8Array): number {
  if (frame.length < FRAME_HEADER_BYTES) {
    throw new MalformedFrame(`its header has ${FRAME_HEADER_BYTES} bytes, got ${frame.length}`);
  }
  if (frame[0] !== FRAME_VERSION) throw new MalformedFrame(`its version is ${FRAME_VERSION}, got ${frame[0]}`);
  const end = FRAME_HEADER_BYTES + payloadLength(frame);
  if (end > frame.length) {
    throw new MalformedFrame(`its payload is as long as its header says, got ${frame.length} bytes of ${end}`);
  }
  return end;
}

function writeHeader(writer: Writer, id: number): void {
  writer.reserve(FRAME_HEADER_BYTES);
  const { bytes, length } = writer;
  bytes[length] = FRAME_VERSION;
  bytes[length + 1] = id;
  bytes[length + 2] = 0;
  bytes[length + 3] = 0;
  writer.length = length + FRAME_HEADER_BYTES;
}

/** Fills in the payload's length. */
function finish(writer: Writer, start: number): void {
  const total = writer.length - start;
  if (total > FRAME_BYTES_MAX) {
    throw new ValidationError(`Cannot write the message: its frame has at most ${FRAME_BYTES_MAX} bytes, got ${total}`);
  }
  writer.setU32(start + 4, total - FRAME_HEADER_BYTES);
}
