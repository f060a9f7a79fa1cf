/** What a holder keeps and refuses. @module */

import assert from "node:assert/strict";
import { DHT_DEFAULTS, type HolderLimits } from "../../src/dht/options.ts";
import { Records, type Storable } from "../../src/dht/records.ts";

const KEY = Uint8Array.of(1), OTHER_KEY = Uint8Array.of(2);
const TTL_MS = 300_000;

function record(node: string, more: Partial<Storable> = {}): Storable {
  return { key: KEY, node, name: "n", sequence: 1, expiresAt: TTL_MS, ttlMs: TTL_MS, bytes: 100, ...more };
}

function holder(limits: Partial<HolderLimits> = {}): Records<Storable> {
  return new Records({ ...DHT_DEFAULTS, ...limits });
}

/** `changed`, `same`, or the code of the refusal. */
function put(one: Records<Storable>, what: Storable, now = 0): string {
  const result = one.put(what, now);
  return "code" in result ? result.code : result.changed ? "changed" : "same";
}

Deno.test("a holder keeps many nodes' records under a key, and of each node and name the newest", () => {
  const one = holder();
  assert.equal(put(one, record("a")), "changed");
  assert.equal(put(one, record("b")), "changed");
  assert.equal(put(one, record("a", { name: "m" })), "changed");
  assert.equal(put(one, record("a", { key: OTHER_KEY })), "changed");
  assert.equal(put(one, record("a", { sequence: 3, bytes: 150 })), "same");
  assert.equal(put(one, record("a", { sequence: 2 })), "stale");
  assert.equal(put(one, record("a", { sequence: 3 })), "same");
  const { records } = one.page(KEY, 0, 0);
  assert.deepEqual(records.map(({ node, name, sequence }) => `${node} ${name} ${sequence}`), [
    "a n 3",
    "b n 1",
    "a m 1",
  ]);
  assert.deepEqual([one.size, one.bytes], [4, 450]);
});

Deno.test("a withdrawn record stays, so that an older one does not come back", () => {
  const one = holder();
  put(one, record("a"));
  assert.equal(put(one, record("a", { sequence: 2, withdrawn: true })), "changed");
  assert.equal(put(one, record("a")), "stale");
  assert.equal(put(one, record("a", { sequence: 3 })), "changed");
  assert.equal(put(one, record("b", { withdrawn: true })), "same");
});

Deno.test("what is refused for its time", () => {
  const now = 1_000_000;
  const cases: [number, string][] = [
    [now - 1, "expired"],
    [now, "expired"],
    [now + 1, "changed"],
    [now + 2 * TTL_MS, "changed"],
    [now + 2 * TTL_MS + 1, "expires_too_late"],
    [Infinity, "expires_too_late"],
  ];
  for (const [expiresAt, expected] of cases) assert.equal(put(holder(), record("a", { expiresAt }), now), expected);
});

Deno.test("at each bound a newcomer is refused, and who is there may renew", () => {
  const cases: [Partial<HolderLimits>, Storable, string][] = [
    [{ recordsPerKeyMax: 2 }, record("c"), "key_full"],
    [{ recordsPerNodeMax: 1 }, record("a", { key: OTHER_KEY }), "publisher_full"],
    [{ recordsMax: 2 }, record("c", { key: OTHER_KEY }), "holder_full"],
    [{ recordBytesMax: 299 }, record("c", { key: OTHER_KEY }), "holder_full"],
    [{ recordBytesMax: 299 }, record("a", { sequence: 2, bytes: 200 }), "holder_full"],
  ];
  for (const [limits, newcomer, code] of cases) {
    const one = holder(limits);
    for (const node of ["a", "b"]) assert.equal(put(one, record(node)), "changed");
    assert.equal(put(one, newcomer), code);
    assert.equal(put(one, record("a", { sequence: 2 })), "same");
    assert.deepEqual([one.size, one.bytes], [2, 200]);
  }
});

Deno.test("what has expired is not given out, and is gone after the sweep, with all counts", () => {
  const one = holder({ recordsPerNodeMax: 1, recordsMax: 2 });
  put(one, record("a", { expiresAt: 100 }));
  put(one, record("b", { expiresAt: 200 }));
  assert.deepEqual(one.page(KEY, 0, 100).records.map(({ node }) => node), ["b"]);
  assert.equal(one.sweep(99), 0);
  assert.equal(one.sweep(100), 1);
  assert.equal(put(one, record("a", { expiresAt: 300 }), 100), "changed");
  assert.equal(one.sweep(1_000), 2);
  assert.deepEqual([one.size, one.bytes, one.has(KEY), [...one.all()]], [0, 0, false, []]);
});

Deno.test("a long answer comes in pages", () => {
  const one = holder({ replyBytesMax: 250 });
  const nodes = ["a", "b", "c", "d", "e"];
  for (const node of nodes) put(one, record(node));
  put(one, record("big", { bytes: 1_000 }));
  const pages: string[][] = [];
  for (let page: number | undefined = 0; page !== undefined;) {
    const { records, more } = one.page(KEY, page, 0) as ReturnType<typeof one.page>;
    pages.push(records.map(({ node }) => node));
    page = more;
  }
  assert.deepEqual(pages, [["a", "b"], ["c", "d"], ["e"], ["big"]]);
  assert.deepEqual(one.page(KEY, 9, 0), { records: [], more: undefined });
  assert.deepEqual(one.page(OTHER_KEY, 0, 0), { records: [], more: undefined });
});

Deno.test("of a full key the latest of whoever has most goes for one who has fewer: nobody takes a key for itself", () => {
  const one = holder({ recordsPerKeyMax: 4 });
  for (const name of ["1", "2", "3", "4"]) assert.equal(put(one, record("flood", { name })), "changed");
  assert.equal(put(one, record("flood", { name: "5" })), "key_full");
  assert.equal(put(one, record("a")), "changed");
  assert.equal(put(one, record("b", { bytes: 50 })), "changed");
  assert.equal(put(one, record("c")), "changed");
  assert.equal(put(one, record("d")), "key_full", "they have one each");
  assert.deepEqual(one.page(KEY, 0, 0).records.map(({ node, name }) => node + name), ["flood1", "an", "bn", "cn"]);
  assert.deepEqual([one.size, one.bytes], [4, 350]);
});
