/** Labels: what is taken of an application and of another node, at every bound. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ValidationError } from "../../src/base/errors.ts";
import {
  checkLabels,
  LABEL_NAME_MAX,
  LABEL_VALUE_MAX,
  LABELS_BYTES_MAX,
  LABELS_MAX,
  parseLabels,
  readLabels,
} from "../../src/identity/mod.ts";

const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, "v"]));
/** Labels whose JSON text has so many bytes. */
function ofBytes(bytes: number): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let i = 0; i < 9; i++) labels[`n${i}`] = "v".repeat(LABEL_VALUE_MAX - 55);
  const rest = bytes - JSON.stringify({ ...labels, last: "" }).length;
  return { ...labels, last: "v".repeat(rest) };
}

const GOOD: unknown[] = [
  { site: "kitchen", "a.b-c_D": "" },
  { ["n".repeat(LABEL_NAME_MAX)]: "ü".repeat(LABEL_VALUE_MAX) },
  many(LABELS_MAX),
  ofBytes(LABELS_BYTES_MAX),
  JSON.parse(`{"__proto__":"x"}`),
];

const BAD: [unknown, RegExp][] = [
  [null, /labels is an object of texts, got null$/],
  ["a", /got string$/],
  [["a"], /got an array$/],
  [many(LABELS_MAX + 1), /at most 16 labels, got 17$/],
  [{ ["n".repeat(LABEL_NAME_MAX + 1)]: "" }, /name has 1 to 63 of A-Z a-z 0-9 _ \. -, got "n+"$/],
  [{ "": "" }, /name has 1 to 63 .*, got ""$/],
  [{ "a b": "" }, /got "a b"$/],
  [{ a: 1 }, /label a is a text, got number$/],
  [{ a: null }, /label a is a text, got null$/],
  [{ a: "v".repeat(LABEL_VALUE_MAX + 1) }, /label a has at most 255 printable characters, got "v+…"$/],
  [{ a: "b\nc" }, /printable characters, got "b\\nc"$/],
  [{ a: "\ud800" }, /printable characters/],
  [ofBytes(LABELS_BYTES_MAX + 1), /at most 2048 bytes as JSON, got 2049$/],
];

Deno.test("labels: what is within the bounds is taken, and cannot be changed afterwards", () => {
  for (const good of GOOD) {
    const text = JSON.stringify(good), labels = checkLabels("connect", good);
    assert.equal(JSON.stringify(labels), text);
    assert.equal(JSON.stringify(readLabels(good)), text);
    assert.equal(JSON.stringify(parseLabels(text)), text);
    assert(Object.isFrozen(labels));
  }
  assert.equal(Object.getPrototypeOf(checkLabels("connect", JSON.parse(`{"__proto__":"x"}`))), Object.prototype);
  const given = { a: "b" }, taken = checkLabels("connect", given);
  given.a = "c";
  assert.deepEqual(taken, { a: "b" });
});

Deno.test("labels: none are undefined, however that is said", () => {
  assert.deepEqual([checkLabels("connect", undefined), checkLabels("connect", {})], [undefined, undefined]);
  assert.deepEqual([readLabels(undefined), readLabels({})], [undefined, undefined]);
  assert.deepEqual([parseLabels(undefined), parseLabels("{}")], [undefined, undefined]);
});

Deno.test("labels: beyond a bound an application is told the rule, and another node's are bad", () => {
  for (const [bad, text] of BAD) {
    assert.throws(() => checkLabels("connect", bad), (error: Error) => {
      assert(error instanceof ValidationError);
      assert.match(error.message, /^Cannot connect: /);
      assert.match(error.message, text);
      return true;
    });
    assert.equal(readLabels(bad), "bad", JSON.stringify(bad));
    assert.equal(parseLabels(JSON.stringify(bad)), "bad");
  }
  for (const text of ["", "{", "x".repeat(LABELS_BYTES_MAX + 1)]) assert.equal(parseLabels(text), "bad");
});

Deno.test("labels: any text of another node is labels within the bounds, or bad", () => {
  fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
    const read = parseLabels(text);
    if (read === "bad" || read === undefined) return;
    assert.deepEqual(checkLabels("connect", read), read);
  }));
});
