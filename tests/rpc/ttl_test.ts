/** For how long the mesh is to believe that a procedure is served: what the core tells, and what it refuses. @module */

import assert from "node:assert/strict";
import { RECORD_TTL_MS } from "../../src/identity/mod.ts";
import { TTL_MS, TTL_MS_MAX } from "../../src/rpc/providers.ts";
import { ALICE, answer, Bench, BOB, brief, HUB, type RpcEffect, send } from "./bench.ts";

/** A hub with a directory, and Alice attached to it. */
function hub(): Bench {
  const bench = new Bench("hub", { directory: true });
  bench.up("a", ALICE);
  return bench;
}

function event(effect: object): RpcEffect {
  return { kind: "event", event: effect as never };
}

Deno.test("ttl: the standard is that of the record, and the longest leaves a minute to clocks that differ", () => {
  assert.equal(TTL_MS, RECORD_TTL_MS.provider);
  assert.equal(TTL_MS_MAX + 60_000, 2 * RECORD_TTL_MS.provider);
});

Deno.test("ttl: for how long it is served is told with it, and when that changes; of several the shortest counts", () => {
  const bench = hub();
  bench.up("b", BOB);
  const ask = (requestId: number, ttlMs?: number) =>
    ({ kind: "advertise", requestId, procedures: ["x"], ...ttlMs === undefined ? {} : { ttlMs } }) as const;
  const provided = (ttlMs?: number) =>
    event({ type: "provided", procedure: "x", ...ttlMs === undefined ? {} : { ttlMs } });
  const own = { type: "advertise", registration: 7, procedure: "x" as never, concurrency: 1, ttlMs: 60_000 } as const;
  assert.deepEqual(bench.received("a", ask(1, 400_000)), [provided(400_000)]);
  assert.deepEqual(bench.received("b", ask(1, 500_000)), [], "the longer one changes nothing");
  assert.deepEqual(bench.received("a", ask(2, 540_000)), [provided(500_000)], "a link may change its mind");
  assert.deepEqual(
    bench.command({ ...own, unlisted: true }),
    [answer(1, undefined)],
    "who is not listed does not count",
  );
  assert.deepEqual(bench.command({ ...own, registration: 8 }), [provided(60_000)]);
  assert.deepEqual(bench.command({ type: "unadvertise", registration: 8 }), [provided(500_000), answer(3, undefined)]);
  bench.received("a", ask(3));
  assert.deepEqual(bench.received("a", ask(4)), [], "nothing new");
  assert.deepEqual(bench.received("a", ask(5, 100_000)), [provided(100_000)]);
  assert.deepEqual(brief(bench.down("a")), ["provided x"]);
  assert.equal(brief(bench.down("b"))[0], "unprovided x");
  bench.up("b", BOB);
  assert.deepEqual(bench.received("b", ask(1)), [provided()], "what is gone is forgotten");
});

Deno.test("ttl: a life beyond the bounds is refused, and nothing is served", () => {
  const bench = hub();
  for (const ttlMs of [0, -1, 59_999, 540_001, 2 ** 40]) {
    const message = { kind: "advertise", requestId: 1, procedures: ["x"], ttlMs } as const;
    const text = `Cannot advertise: ttl is an integer from 60000 to 540000 ms, got ${ttlMs}`, code = "invalid_ttl";
    assert.deepEqual(bench.received("a", message), [
      send("a", { kind: "advertiseAck", requestId: 1, code, text }, "control"),
      event({ type: "refused", peer: "a", action: "advertise", name: "x", code, text }),
    ]);
  }
  for (const ttlMs of [60_000, 540_000]) {
    const message = { kind: "advertise", requestId: 1, procedures: [`x${ttlMs}`], ttlMs } as const;
    assert.deepEqual(brief(bench.received("a", message)), [`provided x${ttlMs}`]);
  }
});

Deno.test("ttl: the hub is told for how long a procedure is served, by the handler that says the least", () => {
  const bench = new Bench("edge"), name = "math.add" as never;
  bench.up("h", HUB, "hub");
  const own = { type: "advertise", procedure: name, concurrency: 1 } as const;
  const told = (requestId: number, more: object) =>
    send("h", { kind: "advertise", requestId, procedures: ["math.add"], ...more }, "control");
  assert.deepEqual(bench.command({ ...own, registration: 7, ttlMs: 400_000 }), [told(1, { ttlMs: 400_000 })]);
  assert.deepEqual(bench.command({ ...own, registration: 8, ttlMs: 60_000 }), [told(2, { ttlMs: 60_000 })]);
  bench.command({ type: "unadvertise", registration: 8 });
  assert.deepEqual(bench.command({ ...own, registration: 9 }), [told(3, {})], "the standard goes without saying");
});
