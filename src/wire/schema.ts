/**
 * Messages as lists of fields. A schema says once what a message's map holds; writing and reading follow from it.
 *
 * Reading expects the fields in the order of the schema and is fastest then; any other order is read as well. Unknown
 * keys are skipped, of two entries with one key the later counts, nil in an optional field is as good as nothing.
 * Every message of a kind gets all its fields, absent ones as `undefined`, so that all have one hidden class.
 *
 * @module
 */

import { assert, ValidationError } from "../base/errors.ts";
import type { Cursor } from "./cursor.ts";
import { MalformedFrame } from "./malformed_frame.ts";
import { writeText } from "./msgpack.ts";
import type { ValueMap } from "./value.ts";
import { Writer } from "./writer.ts";

/** A kind of value. `what` is the field's key, for errors. */
export interface Kind<T> {
  /** For the documentation: `text`, `bytes 32`, … */
  readonly name: string;
  /** Whether nil is one of its values. */
  readonly isNullable: boolean;
  /** Throws `ValidationError` when `value` is not of this kind. */
  write(writer: Writer, value: T, what: string): void;
  /** Throws `MalformedFrame` when what stands there is not of this kind. */
  read(cursor: Cursor, what: string): T;
}

/** A field that may be absent. */
export interface Optional<T> {
  readonly optional: Kind<T>;
  /** Written where the message has none. */
  readonly otherwise?: T;
}

/** For each field of the message `M` the kind of its values, in the order in which they are written. */
export type Fields<M> = {
  readonly [K in Exclude<keyof M, "kind" | "frame">]-?: Record<never, never> extends Pick<M, K>
    ? Optional<Exclude<M[K], undefined>>
    : Kind<M[K]>;
};

/** One field, ready for use. */
export interface Field {
  /** In the message object. */
  readonly name: string;
  /** On the wire: the name in snake_case. */
  readonly key: string;
  /** The key as MessagePack: a bin8 header and ASCII. */
  readonly encodedKey: Uint8Array;
  readonly isRequired: boolean;
  readonly kind: Kind<unknown>;
  readonly otherwise: unknown;
}

/** How a map is written and read. */
export interface Schema {
  readonly fields: readonly Field[];
  /** A bit for each required field. */
  readonly required: number;
  /** A bit for each field of which at least one must be there; 0 where there is no such rule. */
  readonly oneOf: number;
  /** A message with nothing in it. */
  readonly empty: () => Record<string, unknown>;
}

/** A schema with its place in the union of messages. */
export interface MessageSchema extends Schema {
  readonly id: number;
  readonly kind: string;
  /** `plain`; `forwarded`: keeps the frame that it came in; `open`: whatever its map holds is in `fields`. */
  readonly form: "plain" | "forwarded" | "open";
}

/** What a message schema is made of. */
export interface MessageOptions<M> {
  readonly id: number;
  readonly kind: M extends { readonly kind: infer K } ? K : never;
  readonly fields: Fields<M>;
  /** At least one of these must be there. */
  readonly oneOf?: readonly (keyof Fields<M>)[];
  /** An object literal with every field `undefined`: what is made often is made 16 times faster than by copying. */
  readonly empty?: () => { [K in keyof Required<M>]: K extends "kind" ? M[K] : undefined };
}

/** The schema of a message whose frame is not kept. */
export function message<M>(options: MessageOptions<M>): MessageSchema {
  const kind = options.kind as string;
  return { ...build(options, { kind }), id: options.id, kind, form: "plain" };
}

/** The schema of a message that keeps the frame that it came in, to be forwarded as it is. */
export function forwardedMessage<M extends { frame?: Uint8Array }>(options: MessageOptions<M>): MessageSchema {
  const kind = options.kind as string;
  return { ...build(options, { kind }, { frame: undefined }), id: options.id, kind, form: "forwarded" };
}

/** The schema of a message without a shape of its own: its map is its `fields`. */
export function openMessage<M extends { readonly kind: string; readonly fields: ValueMap }>(
  id: number,
  kind: M["kind"],
): MessageSchema {
  return { ...build({ fields: {} }, { kind, fields: undefined }), id, kind, form: "open" };
}

/** The schema of a map inside a message. */
export function record<R>(fields: Fields<R>): Schema {
  return build({ fields }, {});
}

/** A field that may be absent; `otherwise` is written then. */
export function optional<T>(kind: Kind<T>, otherwise?: T): Optional<T> {
  return otherwise === undefined ? { optional: kind } : { optional: kind, otherwise };
}

/** Writes the map; throws `ValidationError` where a required field is missing or a value is not of its kind. */
export function writeRecord(writer: Writer, schema: Schema, values: Readonly<Record<string, unknown>>): void {
  const start = writer.length, { fields } = schema;
  writer.u8(0);
  let count = 0, written = 0;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!;
    let value = values[field.name];
    if (value === undefined) value = field.otherwise;
    if (value === undefined) {
      if (field.isRequired) throw missing(field);
      continue;
    }
    writer.set(field.encodedKey);
    field.kind.write(writer, value, field.key);
    written |= 1 << i;
    count++;
  }
  if (schema.oneOf !== 0 && (written & schema.oneOf) === 0) throw missing(fields[lowestBit(schema.oneOf)]!);
  if (count <= FIXMAP_MAX) writer.bytes[start] = 0x80 | count;
  else widen(writer, start, count);
}

/** Makes room for a header of three bytes: a map of so many fields is rare, and its size is known at its end. */
function widen(writer: Writer, start: number, count: number): void {
  writer.reserve(2);
  const { bytes, length } = writer;
  bytes.copyWithin(start + 3, start + 1, length);
  bytes.set([0xde, 0, count], start);
  writer.length = length + 2;
}

/** Reads a map; throws `MalformedFrame`. */
export function readRecord(cursor: Cursor, schema: Schema, what: string): Record<string, unknown> {
  const { fields } = schema, out = schema.empty();
  const count = cursor.enterMap(what);
  let expected = 0, seen = 0;
  for (let n = 0; n < count; n++) {
    const i = readKey(cursor, fields, expected);
    if (i < 0) {
      cursor.skip();
      continue;
    }
    const field = fields[i]!;
    if (!field.isRequired && !field.kind.isNullable && cursor.peek() === 0xc0) {
      cursor.offset++;
      out[field.name] = undefined;
      seen &= ~(1 << i);
    } else {
      out[field.name] = field.kind.read(cursor, field.key);
      seen |= 1 << i;
    }
    expected = i + 1;
  }
  cursor.leave();
  const absent = schema.required & ~seen || (schema.oneOf & seen ? 0 : schema.oneOf);
  if (absent !== 0) throw new MalformedFrame(`${what} has the field ${fields[lowestBit(absent)]!.key}, got none`);
  return out;
}

/** Most fields of a schema: each is a bit of a mask. */
const FIELDS_MAX = 31;
/** Most fields that a header of one byte can tell. */
const FIXMAP_MAX = 15;

function build<M>(
  options: Pick<MessageOptions<M>, "fields" | "oneOf" | "empty">,
  first: Record<string, unknown>,
  last: Record<string, unknown> = {},
): Schema {
  const fields = Object.entries<Kind<unknown> | Optional<unknown>>(options.fields).map(([name, kind]) =>
    field(name, kind)
  );
  assert(fields.length <= FIELDS_MAX, `a message has at most ${FIELDS_MAX} fields`);
  const template = { ...first, ...Object.fromEntries(fields.map(({ name }) => [name, undefined])), ...last };
  const bits = (wanted: (field: Field) => boolean) =>
    fields.reduce((sum, field, i) => wanted(field) ? sum | 1 << i : sum, 0);
  const oneOf: readonly unknown[] = options.oneOf ?? [];
  return {
    fields,
    required: bits((field) => field.isRequired),
    oneOf: bits((field) => oneOf.includes(field.name)),
    empty: options.empty ?? (() => ({ ...template })),
  };
}

function field(name: string, kind: Kind<unknown> | Optional<unknown>): Field {
  const key = snakeCase(name), writer = new Writer(64);
  writeText(writer, key);
  const isRequired = !("optional" in kind);
  return {
    name,
    key,
    encodedKey: writer.copy(),
    isRequired,
    kind: isRequired ? kind : kind.optional,
    otherwise: isRequired ? undefined : kind.otherwise,
  };
}

/** `snake_case` of `camelCase`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase());
}

/** Takes a key and returns the field's index, or -1 when it names none (a key of any kind is taken). */
function readKey(cursor: Cursor, fields: readonly Field[], expected: number): number {
  const { bytes, offset, end } = cursor;
  let start: number, length: number;
  if (bytes[offset] === 0xc4 && offset + 1 < end && offset + 2 + bytes[offset + 1]! <= end) {
    length = bytes[offset + 1]!;
    start = offset + 2;
    cursor.offset = start + length;
  } else {
    length = cursor.stringLength();
    if (length < 0) {
      cursor.skip();
      return -1;
    }
    start = cursor.advance(length);
  }
  for (let i = expected; i < fields.length; i++) if (isKey(fields[i]!, bytes, start, length)) return i;
  for (let i = 0; i < expected; i++) if (isKey(fields[i]!, bytes, start, length)) return i;
  return -1;
}

function isKey(field: Field, bytes: Uint8Array, start: number, length: number): boolean {
  const { encodedKey } = field;
  if (encodedKey.length !== length + 2) return false;
  for (let i = 0; i < length; i++) if (encodedKey[i + 2] !== bytes[start + i]) return false;
  return true;
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

function missing(field: Field): ValidationError {
  return new ValidationError(`Cannot write the message: it has the field ${field.name}, got none`);
}
