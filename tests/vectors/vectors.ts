/** Reads the recorded vectors of the original. @module */

/** What the original really did, and where we do otherwise on purpose. */

import assert from "node:assert/strict";
import { fromHex, fromUtf8, utf8 } from "../../src/base/bytes.ts";
import type { Value } from "../../src/wire/value.ts";
import json from "./macula-0.20.json" with { type: "json" };

/** A value in the vectors' notation. */
export type Noted = null | boolean | number | string | Noted[] | { [key: string]: Noted };
/** One vector. */
export type Vector = { readonly [key: string]: Noted };

const file = json as unknown as Record<string, Vector[]> & { tables: Record<string, Vector[]> };

/** All sections of the file by name. */
export const SECTIONS: Readonly<Record<string, readonly Vector[]>> = {
  frames: file["frames"]!,
  decode: file["decode"]!,
  stream_reassembly_client: file["stream_reassembly_client"]!,
  ...file.tables,
};

/** How many vectors of each section the tests in this folder run. */
export const COVERED: Readonly<Record<string, number>> = {
  frames: 70,
  decode: 24,
  stream_reassembly_client: 6,
  message_types: 53,
  message_type_names_00_9f: 160,
  msgpack_values: 32,
  node_id_distance: 15,
  leading_zeros: 12,
  compare: 3,
  bucket_sequence_cap3: 4,
  find_closest: 4,
  routing_update_closest: 6,
  dht_keys: 7,
  realms: 13,
  names: 13,
  topic_matching: 34,
  uris: 9,
  endpoints: 13,
  addresses: 5,
  ids: 6,
};

/** Sections of protocols that are not built yet: their tests come with them. */
export const NOT_COVERED_YET: readonly string[] = [
  "authorization", // rights of names
  "nat_classification", // nat
  "nat_strategy", // nat
];

/** Vectors where we do otherwise; docs/PROTOCOL.md says why. */
export const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  frames: ["store_reply", "find_value_untyped", "store_punch_coordinate"],
  decode: [
    "payload_not_a_map_int",
    "payload_nil",
    "str_empty_is_empty_list",
    "empty_array",
    "float32",
    "float64_inf",
    "duplicate_keys_last_wins",
    "nested_map_payload",
    "connect_str_everything_npm_default",
  ],
  msgpack_values: ["[1.0]"],
  topic_matching: [
    "a.b.c a.#",
    "a.b.c a.b.c.#",
    "a a.#",
    "sensors.room1.temp sensors.#",
    '"" ""',
    '"" *',
    "a..c a.*.c",
    "a..c a..c",
    "a.b. a.b.*",
  ],
  endpoints: ["https://[::1]:9443", "[::1]:9443", "https://host:0", "https://host:70000", '""'],
};

/**
 * Runs `check` for each vector of a section. It returns whether we do as the original did, which must be so for all but
 * the section's exceptions.
 */
export function checkSection(section: string, nameOf: (vector: Vector) => string, check: (vector: Vector) => boolean) {
  const vectors = SECTIONS[section]!, exceptions = new Set(EXCEPTIONS[section] ?? []);
  for (const vector of vectors) {
    const name = nameOf(vector);
    assert.equal(check(vector), !exceptions.delete(name), `${section}: ${name}`);
  }
  assert.deepEqual([...exceptions], [], "exceptions that are none");
  assert.equal(vectors.length, COVERED[section], `vectors of ${section}`);
}

/** Whether `action` does not throw. */
export function succeeds(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch (error) {
    assert.equal((error as Error).name, "ValidationError", String(error));
    return false;
  }
}

/** The bytes in the notation `{$hex}`. */
export function bytesOf(noted: Noted | undefined): Uint8Array<ArrayBuffer> {
  return fromHex((noted as { $hex: string }).$hex);
}

/** The text in the notation `{$hex}`, `{$atom}`, or a list of code points. */
export function textOf(noted: Noted | undefined): string {
  if (Array.isArray(noted)) return String.fromCodePoint(...noted as number[]);
  const { $atom, $hex } = noted as { $atom?: string; $hex?: string };
  return $atom ?? fromUtf8(fromHex($hex!));
}

/** The atom in the notation `{$atom}` or as the first of a `{$tuple}`. */
export function atomOf(noted: Noted | undefined): string | undefined {
  if (typeof noted !== "object" || noted === null || Array.isArray(noted)) return undefined;
  const tuple = noted["$tuple"];
  return tuple === undefined ? noted["$atom"] as string | undefined : atomOf((tuple as Noted[])[0]);
}

/** The value as it is on the wire: atoms are bins. */
export function valueOf(noted: Noted): Value {
  if (Array.isArray(noted)) return noted.map(valueOf);
  if (typeof noted !== "object" || noted === null) return noted;
  if (noted["$map"] !== undefined) {
    return new Map((noted["$map"] as [Noted, Noted][]).map(([key, value]) => [textOf(key), valueOf(value)]));
  }
  if (noted["$atom"] === "positive_infinity") return Infinity;
  if (noted["$atom"] !== undefined) return utf8(noted["$atom"] as string);
  if (noted["$repeat"] !== undefined) return new Uint8Array(noted["count"] as number).fill(parseInt(noted["$repeat"] as string, 16));
  if (noted["$hex"] !== undefined) return bytesOf(noted);
  throw new Error(`not a value: ${JSON.stringify(noted)}`);
}

/** A decoded value as the original sees it: a str is a list of code points. */
export function asOriginal(value: Value): Value {
  if (typeof value === "string") return Array.from(value, (character) => character.codePointAt(0)!);
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(asOriginal);
  return new Map([...value as Map<string, Value>].map(([key, element]) => [key, asOriginal(element)]));
}
