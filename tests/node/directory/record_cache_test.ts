/** What is remembered of others' records, for how long, and what makes it go. @module */

import assert from "node:assert/strict";
import { seededRandom } from "../../../src/base/random.ts";
import { createIdentity, recordKey, signRecord, type VerifiedRecord } from "../../../src/identity/mod.ts";
import { parseProcedure, parseRealm } from "../../../src/names/mod.ts";
import { type Found, RecordCache, type RecordCacheLimits } from "../../../src/node/directory/record_cache.ts";
import { ManualTimers } from "../../transport/manual_timers.ts";

const REALM = parseRealm("org.example.test"), KEY = recordKey(REALM, "provider", "x");
const [ONE, TWO] = [record("one"), record("two")];

function record(seed: string, procedure = "x", withdrawn = false): VerifiedRecord {
  const identity = createIdentity(seededRandom(seed).bytes(32)), head = { realm: REALM, sequence: 1, expiresAt: 2 };
  const statement = { kind: "provider", ...head, procedure: parseProcedure(procedure) } as const;
  return signRecord(identity, withdrawn ? { ...statement, withdrawn } : statement);
}

class Bench {
  readonly timers = new ManualTimers();
  /** Lookups that have begun. */
  readonly lookups: {
    readonly thorough: boolean;
    found(records: readonly VerifiedRecord[], complete?: boolean): void;
    fail(): void;
  }[] = [];
  readonly cache: RecordCache;

  constructor(limits: Partial<RecordCacheLimits> = {}) {
    this.cache = new RecordCache({
      timers: this.timers,
      limits,
      find: (_, thorough) => {
        const { promise, resolve, reject } = Promise.withResolvers<Found>();
        const found = (records: readonly VerifiedRecord[], complete = true) => resolve({ records, complete });
        this.lookups.push({ thorough, found, fail: () => reject(new Error("no")) });
        return promise;
      },
    });
  }

  /** Looks up, and finds `records` at once. */
  async fill(records: readonly VerifiedRecord[], key = KEY): Promise<void> {
    const looked = this.cache.lookUp(key, 1_000);
    this.lookups.pop()!.found(records);
    assert.deepEqual(await looked, { records, complete: true });
  }
}

Deno.test("cache: records are good for a minute, and looked up again in the second half of it", async () => {
  const bench = new Bench();
  assert.equal(bench.cache.known(KEY), undefined);
  await bench.fill([ONE]);
  assert.deepEqual(bench.cache.known(KEY)?.records, [ONE]);
  await bench.timers.run(29_999);
  assert.deepEqual([bench.cache.known(KEY)?.records, bench.lookups.length], [[ONE], 0]);
  await bench.timers.run(1);
  assert.deepEqual(bench.cache.known(KEY)?.records, [ONE], "nobody waits");
  bench.cache.known(KEY);
  assert.equal(bench.lookups.length, 1, "one lookup at a time");
  bench.lookups.pop()!.found([TWO]);
  await bench.timers.run(29_000);
  assert.deepEqual(bench.cache.known(KEY)?.records, [TWO]);
  await bench.timers.run(31_000);
  assert.equal(bench.cache.known(KEY), undefined);
});

Deno.test("cache: that there are none is good for a moment, unless whoever asks is content with it", async () => {
  const bench = new Bench();
  await bench.fill([]);
  assert.deepEqual(bench.cache.known(KEY)?.records, []);
  await bench.timers.run(1_000);
  assert.equal(bench.cache.known(KEY), undefined);
  assert.deepEqual([bench.cache.known(KEY, { contented: true })?.records, bench.lookups.length], [[], 1]);
});

Deno.test("cache: a lookup that takes too long or fails gives what is remembered; its result counts when it comes", async () => {
  const bench = new Bench();
  const late = bench.cache.lookUp(KEY, 2_000);
  await bench.timers.run(2_000);
  assert.deepEqual(await late, { records: [], complete: false });
  assert.equal(bench.cache.known(KEY), undefined, "no answer is not the answer that there are none");
  bench.lookups.pop()!.found([ONE]);
  await bench.timers.run(0);
  assert.deepEqual(bench.cache.known(KEY)?.records, [ONE]);
  const failed = bench.cache.lookUp(KEY, 2_000);
  bench.lookups.pop()!.fail();
  assert.deepEqual(await failed, { records: [ONE], complete: false });
  assert.equal(bench.timers.outstanding, 0);
});

Deno.test("cache: what too few have answered is good for a moment, and puts nothing better out", async () => {
  const bench = new Bench({ noneKeptMs: 60_000 });
  void bench.cache.lookUp(KEY, 1_000);
  bench.lookups.pop()!.found([], false);
  await bench.timers.run(999);
  const { records, complete } = bench.cache.known(KEY)!;
  assert.deepEqual([records, complete], [[], false]);
  await bench.timers.run(1);
  assert.equal(bench.cache.known(KEY), undefined, "although that there are none is good for a minute");
  await bench.fill([ONE]);
  for (const _ of [1, 2]) {
    const looked = bench.cache.lookUp(KEY, 1_000);
    bench.lookups.pop()!.found([], false);
    assert.deepEqual(await looked, { records: [ONE], complete: false });
  }
  assert.deepEqual(bench.cache.known(KEY)?.records, [ONE]);
  void bench.cache.lookUp(KEY, 1_000);
  bench.lookups.pop()!.found([TWO], false);
  await bench.timers.run(1_000);
  assert.deepEqual([bench.cache.known(KEY)?.records, bench.lookups.length], [[TWO], 1], "the others are looked for");
});

Deno.test("cache: a thorough lookup does not join one that is not", async () => {
  const bench = new Bench();
  const looked = [bench.cache.lookUp(KEY, 1_000), bench.cache.lookUp(KEY, 1_000, { thorough: true })];
  assert.deepEqual(bench.lookups.map(({ thorough }) => thorough), [false, true]);
  bench.lookups[0]!.found([ONE]);
  bench.lookups[1]!.found([ONE, TWO]);
  assert.deepEqual((await Promise.all(looked)).map(({ records }) => records), [[ONE], [ONE, TWO]]);
});

Deno.test("cache: what turns out not to hold goes, what is new comes, a withdrawn one goes", async () => {
  const bench = new Bench();
  bench.cache.changed(ONE);
  assert.equal(bench.cache.known(KEY), undefined, "only what was asked for lately is kept up to date");
  await bench.fill([]);
  bench.cache.changed(ONE);
  bench.cache.changed(ONE);
  bench.cache.changed(TWO);
  assert.deepEqual(bench.cache.known(KEY)?.records, [ONE, TWO]);
  bench.cache.changed(record("one", "x", true));
  assert.deepEqual(bench.cache.known(KEY)?.records, [TWO]);
  bench.cache.drop(KEY, ONE.node);
  assert.deepEqual(bench.cache.known(KEY)?.records, [TWO]);
  bench.cache.drop(KEY, TWO.node);
  assert.equal(bench.cache.known(KEY), undefined, "nothing left is not to be taken for the answer that there are none");
});

Deno.test("cache: keys and lookups are bounded", async () => {
  const bench = new Bench({ keysMax: 2, lookupsMax: 1 });
  const keys = ["a", "b", "c"].map((name) => recordKey(REALM, "provider", name));
  for (const key of keys) await bench.fill([ONE], key);
  assert.deepEqual(keys.map((key) => bench.cache.known(key) !== undefined), [false, true, true]);
  assert.deepEqual(bench.cache.state, { size: 2, hits: 2, misses: 1 });
  void bench.cache.lookUp(keys[1]!, 1_000, { thorough: true });
  assert.deepEqual((await bench.cache.lookUp(keys[2]!, 1_000)).records, [ONE], "what is remembered");
  assert.deepEqual((await bench.cache.lookUp(keys[0]!, 1_000)).records, []);
  assert.equal(bench.lookups.length, 1);
  bench.lookups.pop()!.found([]);
  await bench.timers.run(0);
});
