/**
 * What the messages without names of fields share (0xB1 to 0xB4): everything in fixed places, names in ASCII, the
 * encoding of the body in a flag. QUIC's work grows with the bytes, and half of what a usual message has beside its body
 * are names of fields; what does not fit such a form goes by its schema.
 *
 * @module
 */

import { FRAME_HEADER_BYTES, FRAME_VERSION } from "../frame.ts";
import { MalformedFrame } from "../malformed_frame.ts";
import { asciiText, type TextCache } from "../text_cache.ts";

/** The flag of a body that is JSON; without it, it is bytes. */
export const AS_JSON = 0b100;
/** Lengths of a message's or request's id, and of a node's. */
export const ID_BYTES = 16, NODE_BYTES = 32;
/** Longest name: a topic or procedure, bytes. */
export const NAME_BYTES_MAX = 0xff;
/** Longest body: writing longer ones by the schema checks the frame's bound. */
export const BODY_BYTES_MAX = 0xffff;

const U32 = 0x1_0000_0000;

/** Whether `value` is a byte string of so many bytes. */
export function isBytes(value: unknown, length: number): boolean {
  return value instanceof Uint8Array && value.length === length;
}

/** Whether `value` is a body that such a form has room for. */
export function isBody(value: unknown): boolean {
  return value instanceof Uint8Array && value.length <= BODY_BYTES_MAX;
}

/** Writes the header of a frame of `length` bytes. */
export function putHeader(bytes: Uint8Array, at: number, id: number, length: number): void {
  bytes[at] = FRAME_VERSION;
  bytes[at + 1] = id;
  bytes[at + 2] = bytes[at + 3] = 0;
  putU32(bytes, at + 4, length - FRAME_HEADER_BYTES);
}

/** Writes a name; false where it is not ASCII. */
export function putName(bytes: Uint8Array, at: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code > 0x7f) return false;
    bytes[at + i] = code;
  }
  return true;
}

/** Copies an id: below some thirty bytes a loop is faster than `set`. */
export function putId(bytes: Uint8Array, at: number, id: Uint8Array, length: number): void {
  for (let i = 0; i < length; i++) bytes[at + i] = id[i]!;
}

/** Reads a name; throws `MalformedFrame` where it is not ASCII. */
export function readName(frame: Uint8Array, start: number, end: number, texts: TextCache | undefined): string {
  const name = texts === undefined ? plainText(frame, start, end) : texts.text(frame, start, end);
  if (name === undefined) throw new MalformedFrame("the name in a short form is ASCII");
  return name;
}

/** A part of the frame without a copy; such a view takes two thirds of the time of `subarray`. */
export function part(frame: Uint8Array, at: number, length: number): Uint8Array {
  return new Uint8Array(frame.buffer, frame.byteOffset + at, length);
}

/** Writes four bytes, big endian. */
export function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Writes six bytes, big endian. */
export function putU48(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / U32);
  bytes[at] = high >>> 8;
  bytes[at + 1] = high;
  putU32(bytes, at + 2, value - high * U32);
}

/** Reads six bytes, big endian. */
export function readU48(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8 | bytes[at + 1]!) * U32 + readU32(bytes, at + 2);
}

/** Reads four bytes, big endian. */
export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}

function plainText(bytes: Uint8Array, start: number, end: number): string | undefined {
  for (let i = start; i < end; i++) if (bytes[i]! > 0x7f) return undefined;
  return asciiText(bytes, start, end);
}
