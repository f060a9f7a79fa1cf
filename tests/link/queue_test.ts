/** Bounds on what waits: slow consumers, the budget of all links, waiting publishers. @module */

import assert from "node:assert/strict";
import { OutgoingBudget } from "../../src/link/budget.ts";
import { RateLimit } from "../../src/link/rate_limit.ts";
import { Ear, type EndOptions, event, linkOver } from "./pair.ts";
import { World } from "./world.ts";

const KIB = 1024;

/** A hub's link to an edge that does not read until it is told to. */
async function slow(options: EndOptions = {}, world?: World) {
  world ??= await World.open();
  const [near, far] = await world.welcomed(), ear = new Ear(), edgeEar = new Ear();
  const hub = linkOver(world, far, { owner: ear, ...options }), edge = linkOver(world, near, { owner: edgeEar });
  hub.start();
  return { world, hub, edge, ear, edgeEar };
}

Deno.test("queue: over its bound QoS 0 is dropped and counted, and the reader is told how much", async () => {
  const queue = { waitBytes: 50 * KIB, dropBytes: 100 * KIB, closeBytes: 10_000 * KIB };
  const { world, hub, edge, ear, edgeEar } = await slow({ queue });
  let sent = 0, dropped = 0;
  for (let i = 0; i < 1_000; i++) {
    if (hub.send(event(`t.${i}`, KIB), "events")) sent++;
    else dropped++;
    if (i % 10 === 0) await world.timers.run(0);
  }
  assert.deepEqual([hub.messages.sent, hub.messages.dropped], [sent, dropped]);
  assert(dropped > 500 && hub.queuedBytes <= 103 * KIB, `${dropped}, ${hub.queuedBytes}`);
  assert.equal(hub.congested, true);
  assert.equal(hub.send(event("one", 10, { qos: 1 }), "events"), true, "QoS 1 is not dropped");
  assert.equal(hub.send(event("asked", 10, { acknowledge: true }), "events"), true);
  assert.equal(hub.send({ kind: "suback", requestId: 1 }, "control"), true);
  edge.start();
  await world.timers.run(0);
  const missed = edgeEar.messages.flatMap((one) => one.kind === "missed" ? [one.count] : []);
  assert.equal(missed.reduce((sum, count) => sum + count, 0), dropped);
  assert.equal(edgeEar.topics.length, sent + 2);
  assert.deepEqual([hub.queuedBytes, hub.congested, ear.drains, ear.ends.length], [0, false, 1, 0]);
});

Deno.test("queue: a link that closes while it is over its bound tells how much it has dropped", async () => {
  const queue = { waitBytes: 50 * KIB, dropBytes: 100 * KIB, closeBytes: 10_000 * KIB };
  const { world, hub, edge, ear, edgeEar } = await slow({ queue });
  let sent = 0;
  for (let i = 0; i < 300; i++) if (hub.send(event("x", KIB), "events")) sent++;
  const closed = hub.close("enough");
  edge.start();
  await world.timers.run(1_000);
  await closed;
  const missed = edgeEar.messages.flatMap((one) => one.kind === "missed" ? [one.count] : []);
  assert.deepEqual([edgeEar.topics.length, missed, ear.ends[0]!.orderly], [sent, [300 - sent], true]);
});

Deno.test("queue: over the second bound the link is closed as a slow consumer", async () => {
  const queue = { waitBytes: 50 * KIB, dropBytes: 100 * KIB, closeBytes: 200 * KIB };
  const { world, hub, ear } = await slow({ queue });
  for (let i = 0; i < 1_000 && hub.open; i++) {
    hub.send(event("x", KIB, { qos: 1 }), "events");
    if (i % 10 === 0) await world.timers.run(0);
  }
  assert.deepEqual(ear.ends.map(({ code }) => code), ["slow_consumer"]);
  assert.equal(hub.queuedBytes, 0);
  assert.equal(hub.send(event("x"), "events"), false);
  await world.timers.run(3_000);
  assert.equal(world.timers.outstanding, 0);
});

Deno.test("queue: events that waited when a link is lost are counted, but for those that are sent again", async () => {
  for (const dialled of [false, true]) {
    const world = await World.open(), [near, far] = await world.welcomed(), at = dialled ? near : far;
    const link = linkOver(world, at, { queue: { waitBytes: 50 * KIB, dropBytes: Infinity, closeBytes: Infinity } });
    link.start();
    link.send(event("x"), "events");
    await world.timers.run(0);
    let written = 0;
    while (link.queuedBytes < 100 * KIB) {
      link.send(event("x", KIB), "events");
      await world.timers.run(0);
      if (link.queuedBytes === 0) written++;
    }
    const waited = link.messages.sent - written - 1;
    for (let i = 0; i < 3; i++) link.send(event("x", 100 * KIB), "events"); // each on a stream of its own
    link.send(event("asked", 10, { acknowledge: true, qos: 1 }), "events");
    assert.equal(link.messages.lost, 0);
    link.breakOff("x", "y");
    const { lost } = link.messages, all = waited + 3 + (dialled ? 0 : 1);
    assert.equal(lost, all, `${written} written`);
    await world.timers.run(3_000);
    assert.equal(link.messages.lost, lost, "once");
  }
});

Deno.test("queue: a link that closes in order has lost nothing", async () => {
  const { world, hub, edge } = await slow();
  for (let i = 0; i < 300; i++) hub.send(event("x", i % 10 === 0 ? 100 * KIB : KIB), "events");
  const closed = hub.close("enough");
  edge.start();
  await world.timers.run(1_000);
  await closed;
  assert.deepEqual([hub.messages.sent, hub.messages.lost], [300, 0]);
});

Deno.test("queue: who can wait does until half of it is written, or the link is gone", async () => {
  const queue = { waitBytes: 50 * KIB, dropBytes: Infinity, closeBytes: Infinity };
  for (const end of ["drained", "gone"]) {
    const { world, hub, edge } = await slow({ queue });
    assert.equal(hub.writable(), undefined);
    for (let i = 0; i < 400; i++) hub.send(event("x", KIB), "events");
    let resolved = false;
    hub.writable()!.then(() => resolved = true);
    await world.timers.run(0);
    assert.equal(resolved, false);
    if (end === "drained") edge.start();
    else hub.breakOff("x", "y");
    await world.timers.run(0);
    assert.equal(resolved, true);
    assert.equal(hub.writable(), undefined);
  }
});

Deno.test("budget: over all links the longest queue's link is closed, and that is enough", async () => {
  const budget = new OutgoingBudget(500 * KIB), world = await World.open();
  const a = await slow({ budget }, world), b = await slow({ budget }, world);
  const fill = async (link: typeof a, kib: number) => {
    for (let i = 0; i < kib && link.hub.open; i++) {
      link.hub.send(event("x", KIB), "events");
      if (i % 10 === 0) await world.timers.run(0);
    }
  };
  await fill(a, 400);
  assert.equal(a.hub.open, true);
  await fill(b, 800);
  assert.deepEqual([a.hub.open, b.hub.open], [true, false]);
  assert.deepEqual(b.ear.ends, [{
    code: "slow_consumer",
    text: "all outgoing queues together are over their bound",
    orderly: false,
    isFault: true,
  }]);
  assert.equal(budget.bytes, a.hub.queuedBytes);
  a.hub.breakOff("x", "y");
  assert.equal(budget.bytes, 0);
});

Deno.test("budget: counts large frames, and nothing when all is written", async () => {
  const budget = new OutgoingBudget(Infinity), { world, hub, edge, edgeEar } = await slow({ budget });
  for (let i = 0; i < 20; i++) hub.send(event("x", 100_000), "events");
  await world.timers.run(0);
  assert(budget.bytes > 1_000_000 && budget.bytes === hub.queuedBytes, `${budget.bytes}`);
  edge.start();
  await world.timers.run(0);
  assert.deepEqual([budget.bytes, edgeEar.messages.length], [0, 20]);
});

Deno.test("rate limit: a burst, then so many a second, for each key; forgotten keys start anew", () => {
  const limit = new RateLimit({ perSecond: 2, burst: 3, keysMax: 2 });
  const take = (key: string, now: number) => limit.take(key, now);
  assert.deepEqual([1, 2, 3, 4].map(() => take("a", 0)), [true, true, true, false]);
  assert.equal(take("b", 0), true);
  assert.deepEqual([take("a", 499), take("a", 500), take("a", 501)], [false, true, false]);
  assert.deepEqual([1, 2, 3, 4].map(() => take("a", 1e6)), [true, true, true, false]);
  take("c", 1e6);
  take("d", 1e6);
  assert.equal(take("a", 1e6), true);
});
