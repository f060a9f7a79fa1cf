/** The orderly end: everything that was given to a link arrives. @module */

import assert from "node:assert/strict";
import { encodeFrame } from "../../src/wire/mod.ts";
import { Ear, event, linked, linkOver } from "./pair.ts";
import { passing, World } from "./world.ts";

Deno.test("closing: 500,000 bytes, then close: they arrive whole", async () => {
  for (const bytes of [[500_000], Array<number>(10).fill(50_000)]) {
    const world = await World.open({ latencyMs: () => 20 }), { edge, edgeEar, hubEar } = await linked(world);
    for (const size of bytes) edge.send(event("x", size), "events");
    await passing(world.timers, edge.close("done"));
    await world.timers.run(100);
    assert.deepEqual(hubEar.messages.map((one) => one.kind === "publish" && one.payload.length), bytes);
    assert.deepEqual(edgeEar.ends.map(({ orderly }) => orderly), [true]);
    assert.deepEqual(hubEar.ends.map(({ orderly }) => orderly), [true]);
  }
});

Deno.test("closing: 10,000 messages each way, both ends close at once: all arrive", async () => {
  const world = await World.open({ latencyMs: () => 5 }), { edge, hub, edgeEar, hubEar } = await linked(world);
  for (let i = 0; i < 10_000; i++) {
    edge.send(event(`up.${i}`), i % 2 ? "events" : "calls");
    hub.send(event(`down.${i}`), i % 2 ? "events" : "calls");
  }
  edge.send(event("up.last", 200_000), "events");
  hub.send(event("down.last", 200_000), "events");
  const closing = [edge.close("edge"), hub.close("hub")];
  await passing(world.timers, Promise.all(closing));
  assert.deepEqual([hubEar.messages.length, edgeEar.messages.length], [10_001, 10_001]);
  assert.deepEqual([edgeEar.ends, hubEar.ends].map(([end]) => end!.orderly), [true, true]);
});

Deno.test("closing: what the other end has on its way arrives, too", async () => {
  const world = await World.open({ latencyMs: () => 20 }), { edge, hub, edgeEar } = await linked(world);
  for (let i = 0; i < 1_000; i++) hub.send(event(`down.${i}`, 1_000), "events");
  await passing(world.timers, edge.close("edge"));
  assert.equal(edgeEar.messages.length, 1_000);
});

Deno.test("closing: takes as long as the way, not as a time-out, also when the other end never said a word", async () => {
  const world = await World.open({ latencyMs: () => 20 }), { edge } = await linked(world);
  edge.send(event("x"), "events");
  const before = world.timers.now(), closing = edge.close("done");
  let tookMs = Infinity;
  closing.then(() => tookMs = world.timers.now() - before);
  await world.timers.run(1_000);
  assert(tookMs <= 100, `${tookMs} ms`);
  assert.equal(edge.close("again"), closing);
  assert.equal(world.timers.outstanding, 0);
});

Deno.test("closing: a slow reader is waited for while it reads", async () => {
  const world = await World.open(), [near, far] = await world.welcomed(), hubEar = new Ear();
  const edge = linkOver(world, near), hub = linkOver(world, far, { owner: hubEar });
  hubEar.pause = () => new Promise((resolve) => void world.timers.after(200, resolve));
  edge.start();
  hub.start();
  for (let i = 0; i < 60; i++) edge.send(event("x", 50_000), "events");
  await passing(world.timers, edge.close("done"));
  assert.equal(hubEar.messages.length, 60, "12 s of reading");
});

Deno.test("closing: a reader that does nothing is given up", async () => {
  const world = await World.open(), [near] = await world.welcomed(), ear = new Ear();
  const edge = linkOver(world, near, { owner: ear });
  edge.start();
  for (let i = 0; i < 60; i++) edge.send(event("x", 50_000), "events");
  const before = world.timers.now();
  await passing(world.timers, edge.close("done"));
  assert(world.timers.now() - before < 10_000);
  assert.deepEqual(ear.ends, [{ code: "closed", text: "done", orderly: false }]);
});

Deno.test("closing: a peer that only finishes its stream is let go in order", async () => {
  const world = await World.open(), [near, far] = await world.welcomed(), ear = new Ear();
  const hub = linkOver(world, far, { owner: ear });
  hub.start();
  const lane = (await near.connection.openSend()).getWriter();
  await lane.write(encodeFrame(event("last words")));
  await near.controlWriter.close();
  await passing(world.timers, far.connection.closed);
  await world.timers.run(0);
  assert.deepEqual([ear.topics, ear.ends.map(({ orderly }) => orderly)], [["last words"], [true]]);
});

Deno.test("closing: with the original's disconnect, which counts no lanes", async () => {
  const world = await World.open(), [near, far] = await world.welcomed(), ear = new Ear();
  linkOver(world, far, { owner: ear }).start();
  const writer = near.controlWriter;
  await writer.write(encodeFrame({ kind: "disconnect", reason: "normal", message: "bye" }));
  await writer.close();
  await passing(world.timers, far.connection.closed);
  await world.timers.run(0);
  assert.deepEqual(ear.ends, [{ code: "closed", text: "peer left", orderly: true }]);
});
