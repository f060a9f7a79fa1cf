/** Values against another MessagePack implementation. @module */

import assert from "node:assert/strict";
import { decode, encode } from "@std/msgpack";
import fc from "fast-check";
import { fromHex, toHex, utf8 } from "../../src/base/bytes.ts";
import { DEPTH_MAX, ELEMENTS_MAX } from "../../src/wire/cursor.ts";
import { MalformedFrame } from "../../src/wire/malformed_frame.ts";
import { decodeValue, encodeValue } from "../../src/wire/msgpack.ts";
import type { Value } from "../../src/wire/value.ts";
import { value } from "./arbitraries.ts";

const RUNS = { seed: 7, numRuns: 2000 };
const mapKeyConverter = (key: unknown) => new TextDecoder().decode(key as Uint8Array);

Deno.test("any value comes back the same", () => {
  fc.assert(fc.property(value, (value) => assert.deepEqual(decodeValue(encodeValue(value)), value)), RUNS);
});

Deno.test("the library reads what we write", () => {
  fc.assert(
    fc.property(value.filter(hasNoBigint), (value) => {
      assert.deepEqual(decode(encodeValue(value), { mapKeyConverter }), asLibrary(value));
    }),
    RUNS,
  );
});

Deno.test("we read what the library writes", () => {
  const foreign = fc.anything({
    withBigInt: false,
    withTypedArray: false,
    values: [fc.string(), fc.maxSafeInteger(), fc.double(), fc.boolean(), fc.constant(null)],
    key: fc.stringMatching(/^[a-z]{1,9}$/),
  });
  fc.assert(fc.property(foreign, (value) => assert.deepEqual(decodeValue(encode(value)), asOurs(value))), RUNS);
});

Deno.test("integers take their shortest form, at each boundary as the library's", () => {
  for (let bit = 0; bit <= 53; bit++) {
    for (const near of [-2, -1, 0, 1, 2]) {
      for (const integer of [2 ** bit + near, -(2 ** bit) + near]) {
        if (!Number.isSafeInteger(integer)) continue;
        assert.equal(toHex(encodeValue(integer)), toHex(encode(integer)), String(integer));
        assert.equal(decodeValue(encodeValue(integer)), integer);
      }
    }
  }
  for (const integer of [2n ** 64n - 1n, 2n ** 63n, 2n ** 53n, -(2n ** 63n), -(2n ** 53n)]) {
    assert.equal(decodeValue(encodeValue(integer)), integer);
  }
  assert.equal(decodeValue(encodeValue(5n)), 5);
});

Deno.test("a text goes out as a bin of its UTF-8", () => {
  for (const text of ["", "abc", "é", "a".repeat(255), "a".repeat(256), "€".repeat(100), "😀".repeat(30_000)]) {
    assert.deepEqual(decodeValue(encodeValue(text)), utf8(text));
  }
});

Deno.test("what cannot be written is refused with a sentence", () => {
  const endless: Value[] = [];
  endless.push(endless);
  const wrong: unknown[] = [
    undefined,
    {},
    { a: 1 },
    () => 0,
    Symbol("s"),
    2n ** 64n,
    -(2n ** 63n) - 1n,
    endless,
    new Date(0),
  ];
  for (const value of wrong) {
    assert.throws(() => encodeValue(value as Value), /^ValidationError: Cannot write as MessagePack: .*, got /);
  }
});

Deno.test("what is no MessagePack is refused", () => {
  const cases = {
    "": "nothing",
    c1: "never used",
    d40100: "extension",
    c70000: "extension",
    "0000": "two values",
    c403aa: "bin too short",
    a1: "str too short",
    a1ff: "str not UTF-8",
    "92c0": "list too short",
    dd7fffffff: "list without its elements",
    dfffffffff: "map without its entries",
    "81c0c0": "key not a text",
    "81c401ffc0": "key not UTF-8",
    cb00: "float too short",
    cf00: "integer too short",
  };
  for (const [hex, why] of Object.entries(cases)) {
    assert.throws(() => decodeValue(fromHex(hex)), MalformedFrame, why);
  }
});

Deno.test("depth and number of elements are bounded", () => {
  const nested = (depth: number) => fromHex("91".repeat(depth) + "c0");
  decodeValue(nested(DEPTH_MAX));
  assert.throws(() => decodeValue(nested(DEPTH_MAX + 1)), /nested at most 16 deep/);
  assert.throws(() => decodeValue(new Uint8Array(100_000).fill(0x91)), MalformedFrame);
  const list = (count: number) => {
    const bytes = new Uint8Array(5 + count).fill(0x80);
    bytes[0] = 0xdd;
    new DataView(bytes.buffer).setUint32(1, count);
    return bytes;
  };
  assert.equal((decodeValue(list(ELEMENTS_MAX)) as Value[]).length, ELEMENTS_MAX);
  assert.throws(() => decodeValue(list(ELEMENTS_MAX + 1)), /at most 65536 elements/);
});

Deno.test("bins are subarrays of what is read, wherever it lies", () => {
  const whole = fromHex("0707c4020102c40207"), bytes = decodeValue(whole.subarray(2, 6));
  assert(bytes instanceof Uint8Array && bytes.buffer === whole.buffer && bytes.byteOffset === 4);
  assert.deepEqual(bytes, Uint8Array.of(1, 2));
  assert.throws(() => decodeValue(whole.subarray(6, 9)), MalformedFrame);
});

function hasNoBigint(value: Value): boolean {
  if (typeof value === "bigint") return false;
  if (Array.isArray(value)) return value.every(hasNoBigint);
  return value instanceof Map ? [...value.values()].every(hasNoBigint) : true;
}

/** As the library decodes: maps are objects, and our empty list, an empty str, is a text. */
function asLibrary(value: Value): unknown {
  if (Array.isArray(value)) return value.length === 0 ? "" : value.map(asLibrary);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, element]) => [key, asLibrary(element)]));
  return value;
}

/** As we decode what the library encodes: objects are maps, undefined is nil, an empty str is an empty list. */
function asOurs(value: unknown): unknown {
  if (value === "") return [];
  if (value === undefined) return null;
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(asOurs);
  if (typeof value !== "object" || value === null) return value;
  return new Map(Object.entries(value).map(([key, element]) => [key, asOurs(element)]));
}
