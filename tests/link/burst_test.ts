/** Events that share a frame: what a link makes of them at either end, and what still counts for each of them. @module */

import assert from "node:assert/strict";
import type { Link } from "../../src/link/link.ts";
import { type Burst, burstEvents, type Message, type Publish } from "../../src/wire/mod.ts";
import { Ear, event, linked, linkOver } from "./pair.ts";
import { World } from "./world.ts";

/** So many events that can share a frame. */
function series(count: number, from = 0): Publish[] {
  return Array.from({ length: count }, (_, i) => {
    const messageId = new Uint8Array(16).with(14, (from + i) >> 8).with(15, from + i);
    const payload = Uint8Array.of((from + i) >> 8, from + i);
    return event("x", 1, { messageId, payload, encoding: "bytes", at: 1_000 });
  });
}

function numbers(messages: readonly Message[]): number[] {
  return messages.flatMap((one) => {
    const events = one.kind === "burst" ? burstEvents(one) : one.kind === "publish" ? [one] : [];
    return events.map(({ payload }) => payload[0]! << 8 | payload[1]!);
  });
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Takes bursts as they are. */
class Forwarder extends Ear {
  forward(_link: Link, burst: Burst): boolean {
    this.messages.push(burst);
    return true;
  }
}

Deno.test("burst: events that are sent in one turn share frames, and are told one by one, in order", async () => {
  const world = await World.open(), { edge, hub, hubEar } = await linked(world);
  for (const one of series(1_000)) edge.send(one, "events");
  assert.ok(edge.queuedBytes < 1_000 * (2 + 3) + 3_000, `${edge.queuedBytes} bytes`);
  await world.timers.run(0);
  assert.deepEqual(numbers(hubEar.messages), upTo(1_000));
  assert.ok(hubEar.messages.every(({ kind }) => kind === "publish"));
  assert.deepEqual([edge.messages.sent, hub.messages.received, edge.queuedBytes], [1_000, 1_000, 0]);
});

Deno.test("burst: who takes them as they are hands them on as they are, and each event counts", async () => {
  const world = await World.open(), forwarder = new Forwarder();
  const { edge, hub } = await linked(world, { owner: forwarder });
  for (const one of series(1_000)) edge.send(one, "events");
  await world.timers.run(0);
  assert.deepEqual(numbers(forwarder.messages), upTo(1_000));
  assert.ok(forwarder.messages.length < 10, `${forwarder.messages.length} messages`);
  assert.equal(hub.messages.received, 1_000);
  const next = await linked(await World.open());
  for (const message of forwarder.messages) next.hub.send(message, "events");
  assert.equal(next.hub.messages.sent, 1_000);
});

Deno.test("burst: reading may pause behind each of its events, and goes on with the next", async () => {
  const world = await World.open(), { edge, hub, hubEar } = await linked(world);
  let go = () => {};
  hubEar.pausing = new Promise((resolve) => go = resolve);
  for (const one of series(100)) edge.send(one, "events");
  for (let count = 1; count <= 5; count++) {
    await world.timers.run(0);
    assert.deepEqual([numbers(hubEar.messages), hub.messages.received], [upTo(count), count]);
    const resume = go;
    if (count < 5) hubEar.pausing = new Promise((resolve) => go = resolve);
    else hubEar.pausing = undefined;
    resume();
  }
  await world.timers.run(0);
  assert.deepEqual(numbers(hubEar.messages), upTo(100));
});

Deno.test("burst: a link that is broken off in the middle of one tells no more of it", async () => {
  const world = await World.open(), { edge, hub, hubEar } = await linked(world), { received } = hubEar;
  hubEar.received = (link, message) => {
    received.call(hubEar, link, message);
    if (hubEar.messages.length === 10) hub.breakOff("enough", "enough of it");
  };
  for (const one of series(100)) edge.send(one, "events");
  await world.timers.run(0);
  assert.deepEqual([numbers(hubEar.messages), hub.messages.received], [upTo(10), 10]);
});

Deno.test("burst: over the queue's bound all its events are dropped and counted, and the reader is told how many", async () => {
  const world = await World.open(), forwarder = new Forwarder(), source = await linked(world, { owner: forwarder });
  for (const one of series(10_000)) source.edge.send(one, "events");
  await world.timers.run(0);
  const other = await World.open(), [near, far] = await other.welcomed(), ear = new Ear();
  const queue = { waitBytes: 5_000, dropBytes: 10_000, closeBytes: 1_000_000 };
  const hub = linkOver(other, far, { queue }), edge = linkOver(other, near, { owner: ear });
  hub.start();
  let sent = 0, dropped = 0;
  for (const message of forwarder.messages) {
    const count = message.kind === "burst" ? message.count : 1;
    if (hub.send(message, "events")) sent += count;
    else dropped += count;
  }
  assert.ok(sent > 1_000 && dropped > 1_000 && sent + dropped === 10_000, `${sent} and ${dropped}`);
  assert.deepEqual([hub.messages.sent, hub.messages.dropped], [sent, dropped]);
  edge.start();
  await other.timers.run(0);
  assert.deepEqual(numbers(ear.messages), upTo(sent));
  const missed = ear.messages.flatMap((one) => one.kind === "missed" ? [one.count] : []);
  assert.equal(missed.reduce((sum, count) => sum + count, 0), dropped);
});

Deno.test("burst: it waits for a large event of its topic, and holds up no other", async () => {
  const world = await World.open({ latencyMs: () => 10 }), { edge, hubEar } = await linked(world);
  edge.send(event("x", 600_000), "events");
  for (const one of series(20)) edge.send(one, "events");
  edge.send(event("other"), "events");
  await world.timers.run(15);
  assert.deepEqual(hubEar.topics, ["other"]);
  await world.timers.run(1_000);
  const [, large, ...rest] = hubEar.messages;
  assert.equal(large?.kind === "publish" && large.payload.length, 600_000);
  assert.deepEqual(numbers(rest), upTo(20));
  assert.ok(rest.every(({ kind }) => kind === "publish"));
});
