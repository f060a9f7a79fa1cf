/** What a hub keeps of retained events: the last of each topic, within bounds and its publisher's rights. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { PeerRights } from "../../src/base/protocol.ts";
import type { Topic } from "../../src/names/mod.ts";
import { Keep, KEEP_LIMITS, type KeepLimits, PAGE_BYTES_MAX, PAGE_EVENTS_MAX } from "../../src/pubsub/retained/keep.ts";
import type { Publish } from "../../src/wire/mod.ts";
import { ALICE, BOB, CAROL, event, id } from "../pubsub/hub.ts";

const NOW = 1_000_000;

function retained(topic: string, at = NOW, fields: Partial<Publish> = {}): Publish {
  return event(topic, { retain: true, at, messageId: new Uint8Array(16).fill(at % 251), ...fields });
}

function keep(limits: Partial<KeepLimits> = {}): Keep {
  return new Keep({ ...KEEP_LIMITS, ...limits });
}

/** Everything that is kept, as topic and time. */
function all(one: Keep, now = NOW): (readonly [string, number | undefined])[] {
  return one.page({ wants: () => true, only: undefined, after: undefined }, now).events
    .filter(({ payload }) => payload.length > 0).map(({ topic, at }) => [topic, at] as const);
}

Deno.test("keep: the latest of a topic counts, in whatever order they come", () => {
  const events = fc.array(fc.record({ at: fc.nat(5), publisher: fc.nat(3), id: fc.nat(250) }), { maxLength: 12 });
  fc.assert(fc.property(events, fc.infiniteStream(fc.nat()), (given, random) => {
    // Of one publisher's two in one millisecond their order tells: here there is one a millisecond.
    const distinct = [...new Map(given.map((one) => [`${one.at} ${one.publisher}`, one])).values()];
    const published = distinct.map(({ at, publisher, id: number }) =>
      retained("t", NOW + at, { publisher: id(publisher), messageId: new Uint8Array(16).fill(number) })
    );
    const shuffled = published.map((one) => [random.next().value, one] as const).sort(([a], [b]) => a - b);
    const [a, b] = [keep(), keep()];
    for (const one of published) assert.equal(a.put(one, undefined, NOW), undefined);
    for (const [, one] of shuffled) assert.equal(b.put(one, undefined, NOW), undefined);
    assert.deepEqual(all(a), all(b));
    assert.equal(all(a)[0]?.[1], published.length === 0 ? undefined : Math.max(...published.map(({ at }) => at!)));
  }));
});

Deno.test("keep: of two of one publisher in one millisecond the one that came later", () => {
  const one = keep(), first = retained("t", NOW, { messageId: id(9).subarray(16) });
  one.put(first, undefined, NOW);
  one.put({ ...first, messageId: id(1).subarray(16), payload: Uint8Array.of(2) }, undefined, NOW);
  const [kept] = one.page({ wants: () => true, only: ["t" as Topic], after: undefined }, NOW).events;
  assert.deepEqual([kept?.payload, kept?.kept, kept?.retain], [Uint8Array.of(2), true, true]);
});

Deno.test("keep: a deletion is remembered for an hour, so that an earlier event does not come back", () => {
  const one = keep({ deletedMs: 3_600_000 });
  one.put(retained("t", NOW), undefined, NOW);
  one.put(retained("t", NOW + 2, { payload: new Uint8Array(0) }), undefined, NOW);
  one.put(retained("t", NOW + 1), undefined, NOW);
  assert.deepEqual([all(one), one.state, one.size], [[], { topics: 0, bytes: 0 }, 1]);
  one.put(retained("t", NOW + 3), undefined, NOW);
  assert.deepEqual(all(one), [["t", NOW + 3]]);
  one.put(retained("t", NOW + 4, { payload: new Uint8Array(0) }), undefined, NOW);
  const later = NOW + 3_600_000;
  assert.deepEqual([all(one, later - 1), one.size, all(one, later), one.size], [[], 1, [], 0]);
});

Deno.test("keep: what is too far ahead of the hub's clock is refused", () => {
  const one = keep({ aheadMs: 60_000 });
  assert.equal(one.put(retained("t", NOW + 60_000), undefined, NOW), undefined);
  const failure = one.put(retained("t", NOW + 60_001), undefined, NOW);
  assert.equal(failure?.code, "clock_ahead");
  assert.equal(
    failure?.text,
    "Cannot retain the event on t: its time is at most 60000 ms ahead of the hub's clock, got 60001 ms",
  );
  assert.equal(one.giveWay(retained("t", NOW + 60_001), NOW), false, "nor does another hub's count");
  assert.equal(one.giveWay(retained("t", NOW + 60_000, { publisher: BOB }), NOW), true);
});

Deno.test("keep: topics and bytes are bounded, in all and for one publisher; what is kept stays", () => {
  const one = keep({ retainedTopicsMax: 8, retainedBytesMax: 16 << 10, retainedShare: 1 / 4 });
  const put = (topic: string, publisher: Uint8Array, bytes = 1) =>
    one.put(retained(topic, NOW + one.size, { publisher, payload: new Uint8Array(bytes) }), undefined, NOW)?.code;
  assert.deepEqual([put("a.1", ALICE), put("a.2", ALICE), put("a.3", ALICE)], [
    undefined,
    undefined,
    "retained_share_full",
  ]);
  assert.equal(put("a.2", ALICE, 2), undefined, "in the place of its own");
  assert.equal(put("b.1", BOB, 4 << 10), "retained_share_full", "bytes count, too");
  for (let i = 0; i < 6; i++) assert.equal(put(`c.${i}`, id(100 + (i >> 1))), undefined);
  assert.equal(put("d", BOB), "retained_full");
  assert.deepEqual(all(one).length, 8);
  assert.equal(put("a.1", BOB), undefined, "in the place of another's");
  assert.equal(put("a.3", ALICE), "retained_full");
  assert.equal(put("a.2", ALICE, 0), undefined, "a deletion is never too much");
  assert.equal(put("a.3", ALICE), undefined);
  assert.deepEqual([one.state.topics, one.size <= 8], [8, true], "the deletion was forgotten for it");
});

Deno.test("keep: what is counted is what is kept, whatever is put and deleted", () => {
  const put = fc.record({ topic: fc.nat(6), publisher: fc.nat(2), bytes: fc.nat(40), at: fc.nat(1_000) });
  fc.assert(fc.property(fc.array(put, { maxLength: 60 }), (puts) => {
    const one = keep({ retainedTopicsMax: 5, retainedBytesMax: 4_000, retainedShare: 1 / 2, deletedMs: 300 });
    let now = NOW;
    for (const { topic, publisher, bytes, at } of puts) {
      now += at;
      const payload = new Uint8Array(bytes % 3 === 0 ? 0 : bytes);
      one.put(retained(`t.${topic}`, now - at % 7, { publisher: id(publisher), payload }), undefined, now);
      const { topics, bytes: held } = one.state;
      assert(topics <= 5 && held <= 4_000 && one.size <= 5);
      assert.equal(all(one, now).length, one.state.topics);
      assert.equal(one.state.topics === 0, one.state.bytes === 0);
    }
  }));
});

Deno.test("keep: what its publisher may not publish any more is not given out, and makes room", () => {
  const one = keep({ retainedTopicsMax: 1, retainedShare: 1 });
  let holds = true, allowed = true;
  const rights: PeerRights = {
    holds: () => holds,
    refusal: () => allowed ? undefined : { code: "not_allowed", text: "no" },
  };
  const put = (topic: string, publisher = ALICE) => one.put(retained(topic, NOW, { publisher }), rights, NOW)?.code;
  assert.deepEqual([put("a"), put("b", BOB), all(one).length], [undefined, "retained_full", 1]);
  holds = false; // expired, or revoked
  assert.deepEqual([all(one), one.size], [[], 0]);
  holds = true;
  put("a");
  allowed = false;
  assert.equal(one.put(retained("b", NOW, { publisher: BOB }), undefined, NOW), undefined);
  assert.deepEqual(all(one), [["b", NOW]]);
  one.joined(BOB, rights);
  assert.deepEqual(all(one), [], "what its publisher may do now counts");
});

Deno.test("keep: what makes room by losing its right is not counted as room twice", () => {
  const one = keep({ retainedBytesMax: 4 << 10, retainedShare: 1 }),
    lapsed: PeerRights = {
      holds: () => false,
      refusal: () => undefined,
    };
  const put = (topic: string, publisher: Uint8Array, bytes: number, rights?: PeerRights) =>
    one.put(retained(topic, NOW + bytes, { publisher, payload: new Uint8Array(bytes) }), rights, NOW)?.code;
  assert.deepEqual([put("x", ALICE, 1 << 10, lapsed), put("y", BOB, 1 << 10)], [undefined, undefined]);
  assert.equal(put("x", CAROL, 3_000), "retained_full", "y and this do not fit, whatever becomes of the one before");
  assert.deepEqual(all(one), [["y", NOW + 1_024]]);
  assert.equal(put("x", CAROL, 1_500), undefined);
  assert.ok(one.state.bytes <= 4 << 10, `${one.state.bytes} bytes`);
});

Deno.test("keep: gives way to what is later at another hub, and only to that", () => {
  const one = keep();
  one.put(retained("t", NOW), undefined, NOW);
  assert.equal(one.giveWay(retained("t", NOW), NOW), true, "the same one");
  assert.equal(one.giveWay(retained("t", NOW - 1), NOW), false);
  assert.deepEqual(all(one), [["t", NOW]]);
  assert.equal(one.giveWay(retained("t", NOW + 1), NOW), true);
  assert.deepEqual([all(one), one.state], [[], { topics: 0, bytes: 0 }]);
});

Deno.test("keep: comes in pages, in the order of topics, of bounded size", () => {
  const one = keep({ retainedShare: 1 }), topics: string[] = [];
  for (let i = 0; i < 2_500; i++) one.put(retained(`t.${i}`, NOW, { messageId: id(i).subarray(16) }), undefined, NOW);
  const query = { wants: (topic: Topic) => topic !== "t.7", only: undefined };
  let after: string | undefined, pages = 0;
  do {
    const page = one.page({ ...query, after }, NOW);
    assert(page.events.length <= PAGE_EVENTS_MAX);
    topics.push(...page.events.map(({ topic }) => topic));
    after = page.more;
    pages++;
  } while (after !== undefined);
  assert.deepEqual([topics.length, pages, topics], [2_499, 5, [...topics].sort()]);
  const large = keep({ retainedShare: 1 });
  for (let i = 0; i < 5; i++) {
    large.put(retained(`t.${i}`, NOW, { payload: new Uint8Array(PAGE_BYTES_MAX / 2) }), undefined, NOW);
  }
  const first = large.page({ wants: () => true, only: undefined, after: undefined }, NOW);
  assert.deepEqual([first.events.length, first.more], [1, "t.0"]);
});
