/** What a hub states in the hash table: each name once, few at a time, and what waits is told in time. @module */

import assert from "node:assert/strict";
import { Announcer, type AnnouncerLimits } from "../../../src/node/directory/announcer.ts";
import type { Confirmation } from "../../../src/base/listing.ts";
import { ManualTimers } from "../../transport/manual_timers.ts";

const KEPT = { confirmed: 20, asked: 20 };

/** An announcer whose stores end when the test says so. */
class Bench {
  readonly timers = new ManualTimers();
  /** Stores that have begun, and how to end them. */
  readonly stores: { readonly what: string; end(confirmation?: Confirmation): void; fail(): void }[] = [];
  readonly told: string[] = [];
  readonly announcer: Announcer;
  inFlightMost = 0;
  #inFlight = 0;

  constructor(limits: Partial<AnnouncerLimits> = {}) {
    this.announcer = new Announcer({
      timers: this.timers,
      limits,
      store: (name, holds) => {
        const { promise, resolve, reject } = Promise.withResolvers<Confirmation>();
        this.inFlightMost = Math.max(this.inFlightMost, ++this.#inFlight);
        const ended = <T>(settle: (value: T) => void) => (value: T) => (this.#inFlight--, settle(value));
        const end = ended(resolve), fail = ended(reject);
        const what = `${holds ? "+" : "-"}${name}`;
        this.stores.push({ what, end: (confirmation = KEPT) => end(confirmation), fail: () => fail(new Error("no")) });
        return promise;
      },
      confirmed: (name, { confirmed, asked }) => void this.told.push(`${name} ${confirmed}/${asked}`),
    });
  }

  /** What has been begun and is not ended; ended now. */
  async endAll(): Promise<string[]> {
    const begun = this.stores.splice(0);
    for (const one of begun) one.end();
    await this.timers.run(0);
    return begun.map(({ what }) => what);
  }
}

Deno.test("announcer: a burst of names is stated some at a time, and every one in the end", async () => {
  const bench = new Bench({ namesMax: 10_000, inFlightMax: 16 });
  for (let i = 0; i < 10_000; i++) bench.announcer.add(`n${i}`);
  assert.equal(bench.stores.length, 16);
  const stated = new Set<string>();
  while (bench.stores.length > 0) for (const what of await bench.endAll()) stated.add(what);
  assert.deepEqual([stated.size, bench.inFlightMost, bench.told.length], [10_000, 16, 10_000]);
  assert.deepEqual(bench.announcer.state, { names: 10_000, waiting: 0, leftOut: 0 });
});

Deno.test("announcer: what is not confirmed in time is told so, with one timer for all, and again when it is", async () => {
  const bench = new Bench({ inFlightMax: 1, patienceMs: 3_000 });
  for (const name of ["a", "b"]) bench.announcer.add(name);
  assert.equal(bench.timers.outstanding, 1);
  await bench.timers.run(2_999);
  assert.deepEqual(bench.told, []);
  await bench.timers.run(1);
  assert.deepEqual(bench.told, ["a 0/0", "b 0/0"]);
  await bench.endAll();
  assert.deepEqual(bench.told.slice(2), ["a 20/20"]);
  bench.announcer.remove("b");
  await bench.endAll();
  await bench.endAll();
  await bench.timers.run(10_000);
  assert.deepEqual([bench.told.length, bench.timers.outstanding], [3, 0]);
});

Deno.test("announcer: a store that fails is told as kept by nobody", async () => {
  const bench = new Bench();
  bench.announcer.add("a");
  bench.stores[0]!.fail();
  await bench.timers.run(0);
  assert.deepEqual(bench.told, ["a 0/0"]);
  bench.stores.length = 0;
  bench.announcer.remove("a");
  assert.deepEqual(await bench.endAll(), ["-a"], "somebody may have kept it");
});

Deno.test("announcer: taken back while it waits costs nothing; taken back on its way is withdrawn; back again is stated", async () => {
  const bench = new Bench({ inFlightMax: 1 });
  bench.announcer.add("a");
  bench.announcer.add("b");
  bench.announcer.remove("b");
  bench.announcer.remove("a");
  assert.deepEqual(await bench.endAll(), ["+a"]);
  assert.deepEqual(bench.told, [], "nobody waits for it any more");
  assert.deepEqual(bench.stores.map(({ what }) => what), ["-a"]);
  bench.announcer.add("a");
  assert.deepEqual(await bench.endAll(), ["-a"]);
  assert.deepEqual(await bench.endAll(), ["+a"]);
  assert.deepEqual(bench.told, ["a 20/20"]);
  bench.announcer.add("a");
  assert.deepEqual(bench.stores, [], "it holds already");
  bench.announcer.remove("a");
  await bench.endAll();
  bench.announcer.remove("never");
  assert.deepEqual(bench.announcer.state, { names: 0, waiting: 0, leftOut: 0 });
});

Deno.test("announcer: what is said of a name changes: it is stored again, once, also where that comes on its way", async () => {
  const bench = new Bench();
  bench.announcer.add("a");
  bench.announcer.add("a", true);
  bench.announcer.add("a", true);
  assert.deepEqual(await bench.endAll(), ["+a"]);
  assert.deepEqual(bench.told, [], "that is not what is to be known");
  assert.deepEqual(await bench.endAll(), ["+a"]);
  assert.deepEqual([bench.told, bench.stores], [["a 20/20"], []]);
  bench.announcer.add("a", true);
  assert.deepEqual(await bench.endAll(), ["+a"]);
  bench.announcer.add("b");
  bench.announcer.add("b", true);
  bench.announcer.remove("b");
  assert.deepEqual(await bench.endAll(), ["+b"]);
  assert.deepEqual(await bench.endAll(), ["-b"]);
  assert.deepEqual([bench.stores, bench.announcer.state.names], [[], 1]);
});

Deno.test("announcer: one name too many is left out and told so; what is being withdrawn does not count", async () => {
  const bench = new Bench({ namesMax: 2 });
  for (const name of ["a", "b", "c"]) bench.announcer.add(name);
  assert.deepEqual([bench.told, bench.announcer.state.leftOut], [["c 0/0"], 1]);
  await bench.endAll();
  bench.announcer.remove("a");
  bench.announcer.add("d");
  assert.deepEqual(await bench.endAll(), ["-a", "+d"]);
});

Deno.test("announcer: closed it stores and tells no more", async () => {
  const bench = new Bench({ inFlightMax: 1 });
  for (const name of ["a", "b"]) bench.announcer.add(name);
  bench.announcer.close();
  assert.deepEqual(await bench.endAll(), ["+a"]);
  await bench.timers.run(10_000);
  assert.deepEqual([bench.stores, bench.told, bench.timers.outstanding], [[], [], 0]);
});
