/**
 * MessagePack as the mesh writes and reads it: every text and key is a *bin*, every integer an integer of the shortest
 * form, every other number a float64; there are no extension types.
 *
 * @module
 */

import { ValidationError } from "../base/errors.ts";
import { utf8 } from "../base/bytes.ts";
import { Cursor, DEPTH_MAX, isStr } from "./cursor.ts";
import { MalformedFrame } from "./malformed_frame.ts";
import type { Value, ValueMap } from "./value.ts";
import { Writer } from "./writer.ts";

/**
 * How lists are written. `arrays`: as what they are, except that the empty one is an empty str. `original`: a list of
 * nothing but Unicode scalar values is a str of these, as the original's encoder writes it.
 */
export type ListStyle = "arrays" | "original";

/** The MessagePack of a value; throws `ValidationError` on what cannot be written. */
export function encodeValue(value: Value, lists: ListStyle = "arrays"): Uint8Array<ArrayBuffer> {
  const writer = new Writer(256);
  writeValue(writer, value, lists);
  return writer.copy();
}

/** The value of a MessagePack text; bins are subarrays of it. Throws `MalformedFrame` when it is not just one value. */
export function decodeValue(bytes: Uint8Array): Value {
  const cursor = new Cursor();
  cursor.open(bytes);
  const value = readValue(cursor);
  if (cursor.offset < cursor.end) {
    throw new MalformedFrame(`nothing follows its value, got ${cursor.end - cursor.offset} bytes`);
  }
  return value;
}

/** Reads any value. */
export function readValue(cursor: Cursor): Value {
  const first = cursor.peek();
  if (first <= 0x7f || first >= 0xe0 || first >= 0xcc && first <= 0xd3) return cursor.integer("a value");
  if (first <= 0x8f || first === 0xde || first === 0xdf) return readMap(cursor, "a map");
  if (first <= 0x9f || first === 0xdc || first === 0xdd) return readList(cursor);
  if (isStr(first)) {
    const text = cursor.text("a str");
    return text === "" ? [] : text; // the original has no empty str: it writes an empty list so
  }
  if (first >= 0xc4 && first <= 0xc6) return cursor.binary("a bin");
  if (first === 0xca || first === 0xcb) return cursor.float();
  if (first === 0xc2 || first === 0xc3) return cursor.boolean("a value");
  if (first !== 0xc0) throw cursor.wrongKind("a value", "one of MessagePack without extensions");
  cursor.offset++;
  return null;
}

/** Reads a map; of two entries with one key the later counts. */
export function readMap(cursor: Cursor, what: string): ValueMap {
  const out = new Map<string, Value>();
  const count = cursor.enterMap(what);
  for (let i = 0; i < count; i++) {
    const key = cursor.text("a key", true);
    out.set(key, readValue(cursor));
  }
  cursor.leave();
  return out;
}

/** Writes any value. */
export function writeValue(writer: Writer, value: Value, lists: ListStyle = "arrays", depth = 1): void {
  if (value === null) writer.u8(0xc0);
  else if (typeof value === "boolean") writer.u8(value ? 0xc3 : 0xc2);
  else if (typeof value === "number") writeNumber(writer, value);
  else if (typeof value === "string") writeText(writer, value);
  else if (typeof value === "bigint") writeBigint(writer, value);
  else if (value instanceof Uint8Array) writeBinary(writer, value);
  else if (depth > DEPTH_MAX) throw unwritable(`values are nested at most ${DEPTH_MAX} deep`, "more");
  else if (Array.isArray(value)) writeList(writer, value, lists, depth);
  else if (value instanceof Map) {
    writeHeader(writer, value.size, 0x80, 0xde);
    for (const [key, element] of value) {
      writeText(writer, key);
      writeValue(writer, element, lists, depth + 1);
    }
  } else throw unwritable("a value is null, a boolean, a number, a text, bytes, a list or a Map", typeof value);
}

/** Writes an integer within ±2^53 in its shortest form. */
export function writeInteger(writer: Writer, value: number): void {
  if (value >= 0) {
    if (value < 0x80) writer.u8(value);
    else if (value < 0x100) {
      writer.u8(0xcc);
      writer.u8(value);
    } else if (value < 0x1_0000) {
      writer.u8(0xcd);
      writer.u16(value);
    } else if (value < 0x1_0000_0000) {
      writer.u8(0xce);
      writer.u32(value);
    } else writeWords(writer, 0xcf, value);
  } else if (value >= -0x20) writer.u8(value);
  else if (value >= -0x80) {
    writer.u8(0xd0);
    writer.u8(value);
  } else if (value >= -0x8000) {
    writer.u8(0xd1);
    writer.u16(value);
  } else if (value >= -0x8000_0000) {
    writer.u8(0xd2);
    writer.u32(value);
  } else writeWords(writer, 0xd3, value);
}

/** Writes bytes as a bin. */
export function writeBinary(writer: Writer, value: Uint8Array): void {
  writeBinaryHeader(writer, value.length);
  writer.set(value);
}

/** Writes a text as a bin of its UTF-8; half a surrogate pair becomes U+FFFD. */
export function writeText(writer: Writer, text: string): void {
  const { length } = text;
  if (length <= SHORT_TEXT_CHARACTERS) {
    writer.reserve(2 + length);
    const { bytes } = writer, start = writer.length + 2;
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) break;
      bytes[start + i] = code;
    }
    if (i === length) {
      bytes[start - 2] = 0xc4;
      bytes[start - 1] = length;
      writer.length = start + length;
      return;
    }
  }
  writeBinary(writer, utf8(text));
}

/** Writes the header of a list with `count` elements; of none: the empty str, as the original does. */
export function writeListHeader(writer: Writer, count: number): void {
  if (count === 0) writer.u8(0xa0);
  else writeHeader(writer, count, 0x90, 0xdc);
}

/** Writes integers as the original does: a str of code points where all are such, else a list. */
export function writeIntegers(writer: Writer, values: readonly number[]): void {
  if (values.every(isScalarValue)) {
    const text = utf8(values.map((value) => String.fromCodePoint(value)).join(""));
    writeStrHeader(writer, text.length);
    writer.set(text);
  } else {
    writeListHeader(writer, values.length);
    for (const value of values) writeInteger(writer, value);
  }
}

/** Up to here the characters are looked at one by one; also the most that a bin8 takes. */
const SHORT_TEXT_CHARACTERS = 255;

function readList(cursor: Cursor): Value[] {
  const out: Value[] = [];
  const count = cursor.enterList("a list");
  for (let i = 0; i < count; i++) out.push(readValue(cursor));
  cursor.leave();
  return out;
}

function writeList(writer: Writer, list: readonly Value[], lists: ListStyle, depth: number): void {
  if (lists === "original" && list.every((element) => typeof element === "number" && isScalarValue(element))) {
    return writeIntegers(writer, list as readonly number[]);
  }
  writeListHeader(writer, list.length);
  for (const element of list) writeValue(writer, element, lists, depth + 1);
}

function writeNumber(writer: Writer, value: number): void {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return writeInteger(writer, value);
  const bytes = new Uint8Array(9), view = new DataView(bytes.buffer);
  view.setUint8(0, 0xcb);
  view.setFloat64(1, value);
  writer.set(bytes);
}

function writeBigint(writer: Writer, value: bigint): void {
  if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)) {
    return writeInteger(writer, Number(value));
  }
  if (value < -0x8000_0000_0000_0000n || value > 0xffff_ffff_ffff_ffffn) {
    throw unwritable("an integer has at most 64 bits", value);
  }
  writer.u8(value < 0n ? 0xd3 : 0xcf);
  writer.u32(Number(value >> 32n & 0xffff_ffffn));
  writer.u32(Number(value & 0xffff_ffffn));
}

function writeWords(writer: Writer, type: number, value: number): void {
  writer.u8(type);
  writer.u32(Math.floor(value / 0x1_0000_0000));
  writer.u32(value); // the writer keeps the lower 32 bits
}

function writeBinaryHeader(writer: Writer, length: number): void {
  if (length < 0x100) {
    writer.u8(0xc4);
    writer.u8(length);
  } else if (length < 0x1_0000) {
    writer.u8(0xc5);
    writer.u16(length);
  } else {
    writer.u8(0xc6);
    writer.u32(length);
  }
}

function writeStrHeader(writer: Writer, length: number): void {
  if (length < 0x20) writer.u8(0xa0 | length);
  else if (length < 0x100) {
    writer.u8(0xd9);
    writer.u8(length);
  } else {
    writer.u8(length < 0x1_0000 ? 0xda : 0xdb);
    if (length < 0x1_0000) writer.u16(length);
    else writer.u32(length);
  }
}

/** The header of a map or list: `short` with the count in its low bits, or `long` with u16, `long` + 1 with u32. */
function writeHeader(writer: Writer, count: number, short: number, long: number): void {
  if (count < 0x10) writer.u8(short | count);
  else if (count < 0x1_0000) {
    writer.u8(long);
    writer.u16(count);
  } else {
    writer.u8(long + 1);
    writer.u32(count);
  }
}

function isScalarValue(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
}

function unwritable(rule: string, value: unknown): ValidationError {
  return new ValidationError(`Cannot write as MessagePack: ${rule}, got ${value}`);
}
