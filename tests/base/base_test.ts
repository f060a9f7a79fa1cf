/** Bytes, randomness, time, errors. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bytesKey,
  concatBytes,
  equalBytes,
  fromHex,
  fromUtf8,
  keyBytes,
  toBase32,
  toBase64,
  toHex,
  utf8,
} from "../../src/base/bytes.ts";
import { sleep, within } from "../../src/base/clock.ts";
import { assert as invariant, MeshError, NoProviderError, TimeoutError } from "../../src/base/errors.ts";
import { randomInteger, seededRandom } from "../../src/base/random.ts";
import { ManualTimers } from "../transport/manual_timers.ts";

Deno.test("bytes: text forms give the same bytes back", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    assert.deepEqual(fromHex(toHex(bytes)), new Uint8Array(bytes));
    assert.deepEqual(keyBytes(bytesKey(bytes)), new Uint8Array(bytes));
    assert.equal(toBase64(bytes), btoa(bytesKey(bytes)));
    assert(/^[a-z2-7]*$/.test(toBase32(bytes)));
    assert.equal(toBase32(bytes).length, Math.ceil(bytes.length * 8 / 5));
  }));
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => assert.equal(fromUtf8(utf8(text)), text)));
  const ascii = String.fromCharCode(...Array(128).keys());
  for (let length = 0; length <= 80; length++) { // short ones take another way
    const text = ascii.slice(128 - length), umlaut = `${text}\u00fc`, marked = `\ufeff${text}`;
    for (const one of [text, umlaut, marked]) assert.equal(fromUtf8(utf8(one)), one);
    assert.throws(() => fromUtf8(Uint8Array.of(...utf8(text), 0x80)), TypeError);
  }
});

Deno.test("bytes: base32 is that of RFC 4648 section 10, in lower case and without padding", () => {
  const vectors = {
    "": "",
    f: "my",
    fo: "mzxq",
    foo: "mzxw6",
    foob: "mzxw6yq",
    fooba: "mzxw6ytb",
    foobar: "mzxw6ytboi",
  };
  for (const [text, base32] of Object.entries(vectors)) assert.equal(toBase32(utf8(text)), base32);
});

Deno.test("bytes: joined and compared by value", () => {
  const parts = [Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)];
  assert.deepEqual(concatBytes(...parts), Uint8Array.of(1, 2, 3));
  assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)), true);
  assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false);
  assert.equal(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 2)), false);
  assert.throws(() => fromUtf8(Uint8Array.of(0xff)), TypeError);
  assert.throws(() => fromHex("xy"), SyntaxError);
});

Deno.test("seededRandom: the same seed gives the same numbers, another one others", () => {
  const draw = (seed: string) => Array.from({ length: 20 }, ((random) => () => random.number())(seededRandom(seed)));
  assert.deepEqual(draw("a"), draw("a"));
  assert.notDeepEqual(draw("a"), draw("b"));
  for (const number of draw("c")) assert(number >= 0 && number < 1);
});

Deno.test("seededRandom: a fork is independent, of its parent's draws and of other forks", () => {
  const a = seededRandom("seed"), b = seededRandom("seed");
  a.number();
  const forkA = a.fork("x"), forkB = b.fork("x");
  assert.deepEqual(forkA.bytes(16), forkB.bytes(16));
  b.number();
  assert.equal(a.number(), b.number());
  assert.notDeepEqual(a.fork("y").bytes(16), a.fork("y").bytes(16));
});

Deno.test("randomInteger: covers its range evenly", () => {
  const random = seededRandom("dice"), counts = new Array<number>(6).fill(0);
  for (let i = 0; i < 6_000; i++) counts[randomInteger(random, 6)]!++;
  for (const count of counts) assert(count > 850 && count < 1_150, `${counts}`);
});

Deno.test("within and sleep: by the clock that is handed in, leaving no timer behind", async () => {
  const timers = new ManualTimers();
  assert.equal(await within(timers, 100, Promise.resolve(1), () => new Error()), 1);
  await timers.run(0);
  assert.equal(timers.outstanding, 0);
  const late = assert.rejects(within(timers, 100, new Promise(() => {}), () => new TimeoutError("late")), /late/);
  let slept = false;
  sleep(timers, 50).then(() => slept = true);
  await timers.run(49);
  assert.equal(slept, false);
  await timers.run(51);
  await late;
  assert.equal(slept, true);
  assert.equal(timers.outstanding, 0);
});

Deno.test("errors: a name, a code, and whether to try again", () => {
  const cause = new Error("inner"), error = new MeshError("some_code", "Cannot do it", { retryable: true, cause });
  assert.deepEqual([error.name, error.code, error.retryable, error.cause], ["MeshError", "some_code", true, cause]);
  assert.deepEqual([new TimeoutError("").name, new TimeoutError("").code], ["TimeoutError", "timeout"]);
  assert(new NoProviderError("") instanceof MeshError);
  assert.throws(() => invariant(false, "one is one"), /Assertion failed: one is one/);
});
