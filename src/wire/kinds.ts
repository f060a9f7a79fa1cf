/** The kinds of a field's value: how each is written and read, and what is refused. @module */

import { ValidationError } from "../base/errors.ts";
import type { Cursor } from "./cursor.ts";
import { isStr } from "./cursor.ts";
import { MalformedFrame } from "./malformed_frame.ts";
import {
  readMap,
  readValue,
  writeBinary,
  writeInteger,
  writeIntegers,
  writeListHeader,
  writeText,
  writeValue,
} from "./msgpack.ts";
import { type Kind, readRecord, type Schema, writeRecord } from "./schema.ts";
import type { Value, ValueMap } from "./value.ts";
import type { Writer } from "./writer.ts";

/** A text: UTF-8 in a bin; also read from a str. */
export const text: Kind<string> = kind("text", writeTextField, (cursor, what) => cursor.text(what));

/** A text that comes again and again, such as a topic: read through the decoder's cache. */
export const name: Kind<string> = kind("text", writeTextField, (cursor, what) => cursor.text(what, true));

/** `true` or `false`. */
export const boolean: Kind<boolean> = kind("boolean", (writer, value, what) => {
  if (typeof value !== "boolean") throw wrongKind(what, "true or false", value);
  writer.u8(value ? 0xc3 : 0xc2);
}, (cursor, what) => cursor.boolean(what));

/** Bytes: any number of them, exactly `length`, or `length` to `most`. */
export function bytes(length = 0, most: number = length === 0 ? Infinity : length): Kind<Uint8Array> {
  const rule = most === Infinity ? "bytes" : length === most ? `${length} bytes` : `${length} to ${most} bytes`;
  return kind(rule, (writer, value, what) => {
    if (!(value instanceof Uint8Array)) throw wrongKind(what, rule, value);
    if (value.length < length || value.length > most) throw wrongKind(what, rule, value.length);
    writeBinary(writer, value);
  }, (cursor, what) => {
    const value = cursor.binary(what);
    if (value.length < length || value.length > most) {
      throw new MalformedFrame(`${what} is ${rule}, got ${value.length}`);
    }
    return value;
  });
}

/** An integer from `least` to `most`. */
export function integer(least = 0, most: number = Number.MAX_SAFE_INTEGER): Kind<number> {
  const rule = `an integer from ${least} to ${most}`;
  return kind(
    most === Number.MAX_SAFE_INTEGER && least === 0 ? "integer" : `${least} to ${most}`,
    (writer, value, what) => {
      if (!Number.isInteger(value) || value < least || value > most) throw wrongKind(what, rule, value);
      writeInteger(writer, value);
    },
    (cursor, what) => readInteger(cursor, what, least, most),
  );
}

/** A list of texts. */
export const names: Kind<readonly string[]> = kind("list of texts", (writer, value, what) => {
  writeListStart(writer, value, what);
  for (const element of value) writeTextField(writer, element, what);
}, (cursor, what) => readList(cursor, what, (cursor, what) => cursor.text(what, true)));

/** A list of integers up to `most`: written as the original does, read from a list or from a str of code points. */
export function integers(most: number): Kind<readonly number[]> {
  const rule = `integers from 0 to ${most}`;
  return kind(`list of 0 to ${most}`, (writer, value, what) => {
    if (!Array.isArray(value)) throw wrongKind(what, "a list", value);
    for (const element of value) {
      if (!Number.isInteger(element) || element < 0 || element > most) throw wrongKind(what, rule, element);
    }
    writeIntegers(writer, value);
  }, (cursor, what) => {
    if (!isStr(cursor.peek())) {
      return readList(cursor, what, (cursor, what) => readInteger(cursor, what, 0, most));
    }
    const codePoints = Array.from(cursor.text(what), (character) => character.codePointAt(0)!);
    if (codePoints.some((value) => value > most)) throw new MalformedFrame(`${what} is ${rule}, got more`);
    return codePoints;
  });
}

/** Any value. */
export const value: Kind<Value> = kind("any value", (writer, value) => writeValue(writer, value), readValue, true);

/** A list of any values. */
export const values: Kind<readonly Value[]> = kind("list of any values", (writer, value, what) => {
  writeListStart(writer, value, what);
  for (const element of value) writeValue(writer, element);
}, (cursor, what) => readList(cursor, what, readValue));

/** A map of any values. */
export const map: Kind<ValueMap> = kind("map", (writer, value, what) => {
  if (!(value instanceof Map)) throw wrongKind(what, "a Map", value);
  writeValue(writer, value);
}, readMap);

/** A map with fields of its own. */
export function nested<T>(schema: Schema, title = "map"): Kind<T> {
  return kind<T>(
    title,
    (writer, value, what) => {
      if (typeof value !== "object" || value === null) throw wrongKind(what, "a map", value);
      writeRecord(writer, schema, value as Record<string, unknown>);
    },
    (cursor, what) => readRecord(cursor, schema, what) as T,
  );
}

/** A list of maps with fields of their own. */
export function nestedList<T>(schema: Schema, title = "list of maps"): Kind<readonly T[]> {
  return kind<readonly T[]>(title, (writer, value) => {
    writeListHeader(writer, value.length);
    for (const element of value) writeRecord(writer, schema, element as Record<string, unknown>);
  }, (cursor, what) => readList(cursor, what, (cursor, what) => readRecord(cursor, schema, what) as T));
}

function kind<T>(
  name: string,
  write: (writer: Writer, value: T, what: string) => void,
  read: (cursor: Cursor, what: string) => T,
  isNullable = false,
): Kind<T> {
  return { name, isNullable, write, read };
}

function writeTextField(writer: Writer, value: string, what: string): void {
  if (typeof value !== "string") throw wrongKind(what, "a text", value);
  writeText(writer, value);
}

function writeListStart(writer: Writer, value: readonly unknown[], what: string): void {
  if (!Array.isArray(value)) throw wrongKind(what, "a list", value);
  writeListHeader(writer, value.length);
}

function readInteger(cursor: Cursor, what: string, least: number, most: number): number {
  const value = cursor.integer(what);
  if (typeof value === "bigint" || value < least || value > most) {
    throw new MalformedFrame(`${what} is an integer from ${least} to ${most}, got ${value}`);
  }
  return value;
}

function readList<T>(cursor: Cursor, what: string, read: (cursor: Cursor, what: string) => T): T[] {
  const out: T[] = [];
  const count = cursor.enterList(what);
  for (let i = 0; i < count; i++) out.push(read(cursor, what));
  cursor.leave();
  return out;
}

function wrongKind(what: string, rule: string, value: unknown): ValidationError {
  const shown = typeof value === "object" ? value === null ? "null" : "an object" : String(value).slice(0, 80);
  return new ValidationError(`Cannot write the message: ${what} is ${rule}, got ${shown}`);
}
