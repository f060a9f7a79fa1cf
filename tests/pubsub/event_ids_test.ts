/** The ids of events that nobody acknowledges: they count up on one topic, never repeat, and tell nothing of others. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex } from "../../src/base/bytes.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { EVENT_ID_BYTES, EventIds } from "../../src/pubsub/event_ids.ts";

/** Random bytes that end in these. */
function endingIn(...end: number[]): Random {
  const random = seededRandom("ids");
  return {
    ...random,
    bytes: (length) => Uint8Array.from([...random.bytes(length - end.length), ...end]),
    fork: () => random,
  };
}

Deno.test("event ids: on one topic each is the one before plus one, and its digits are right", () => {
  const ids = new EventIds(seededRandom("ids")), value = (id: Uint8Array) => BigInt(`0x${toHex(id)}`);
  const first = ids.next("x");
  assert.equal(first.length, EVENT_ID_BYTES);
  for (let i = 1n; i < 1_000n; i++) {
    const id = ids.next("x");
    assert.equal(value(id), value(first) + i);
    assert.equal(ids.text(id), toHex(id));
  }
  assert.equal(ids.text(first), toHex(first), "an older one");
});

Deno.test("event ids: a new topic begins anew, and so does a series at its end; none comes twice", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("x", "x", "x", "y"), { maxLength: 50 }), fc.nat(300), (topics, left) => {
      const end = 0xffff_ffff - left, ids = new EventIds(endingIn(end >>> 24, end >>> 16, end >>> 8, end));
      const made = topics.map((topic) => ids.next(topic)), texts = made.map(toHex);
      assert.equal(new Set(texts).size, topics.length);
      for (let i = 1; i < topics.length; i++) {
        const follows = texts[i]!.slice(0, 24) === texts[i - 1]!.slice(0, 24);
        const atEnd = texts[i - 1]!.endsWith("ffffffff");
        assert.equal(follows, topics[i] === topics[i - 1] && !atEnd, `${topics[i - 1]} ${topics[i]} ${texts[i - 1]}`);
      }
      if (made.length > 0) assert.equal(ids.text(made.at(-1)!), texts.at(-1));
    }),
  );
});
