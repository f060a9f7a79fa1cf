/** What was accepted arrives, in order, over real QUIC. @module */

import assert from "node:assert/strict";
import { connect, type Mesh, startGateway, type Subscription } from "../../mod.ts";
import { soon } from "../conformance/deadline.ts";

function gatewayOnly() {
  return startGateway({ realm: "org.example.test", listen: { port: 0 } });
}

async function take<T>(subscription: Subscription<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const event of subscription) {
    assert.equal(event.missed, 0);
    taken.push(event.data);
    if (taken.length === count) break;
  }
  return taken;
}

async function subscribed<T>(mesh: Mesh, pattern: string, buffer: number): Promise<Subscription<T>> {
  const subscription = mesh.subscribe<T>(pattern, { buffer });
  await subscription.ready;
  return subscription;
}

for (const [how, pace] of [["awaited", true], ["not awaited", false]] as const) {
  Deno.test(`10,000 QoS 0 publishes, ${how}, and then close() arrive as 10,000`, async () => {
    await using gateway = await gatewayOnly();
    await using subscriber = await connect(gateway.ticket);
    const events = await subscribed<number>(subscriber, "load.*", 10_000), all = take(events, 10_000);
    const publisher = await connect(gateway.ticket);
    for (let i = 0; i < 10_000; i++) {
      const published = publisher.publish("load.counted", i);
      if (pace) await published;
    }
    await publisher.close();
    assert.deepEqual(await soon(all, "all events"), Array.from({ length: 10_000 }, (_, i) => i));
  });
}

Deno.test("a reader that keeps up loses nothing with a buffer of 16", async () => {
  await using gateway = await gatewayOnly();
  await using subscriber = await connect(gateway.ticket);
  await using publisher = await connect(gateway.ticket);
  const all = take(await subscribed<number>(subscriber, "load.**", 16), 20_000);
  for (let i = 0; i < 20_000; i++) await publisher.publish("load.counted", i);
  assert.equal((await soon(all, "all events")).length, 20_000);
});

Deno.test("a body of 900 KB keeps its place among small ones of its topic, and holds up no other topic", async () => {
  await using gateway = await gatewayOnly();
  await using subscriber = await connect(gateway.ticket);
  await using publisher = await connect(gateway.ticket);
  const same = take(await subscribed<string>(subscriber, "body.same", 100), 21);
  const other = take(await subscribed<number>(subscriber, "body.other", 100), 10);
  for (let i = 0; i < 10; i++) await publisher.publish("body.same", `before ${i}`);
  await publisher.publish("body.same", "x".repeat(900_000));
  for (let i = 0; i < 10; i++) {
    await publisher.publish("body.same", `after ${i}`);
    await publisher.publish("body.other", i);
  }
  assert.deepEqual(
    (await soon(same, "the topic with the large body")).map((text) => text.slice(0, 9)),
    [
      ...Array.from({ length: 10 }, (_, i) => `before ${i}`),
      "xxxxxxxxx",
      ...Array.from({ length: 10 }, (_, i) => `after ${i}`),
    ].map((text) => text.slice(0, 9)),
  );
  assert.equal((await soon(other, "the other topic")).length, 10);
});

Deno.test("a body over the frame's bound is refused where it is published and called", async () => {
  await using gateway = await gatewayOnly();
  await using edge = await connect(gateway.ticket);
  const body = "x".repeat(1 << 20);
  await assert.rejects(edge.publish("body.large", body), { code: "invalid", message: /at most/ });
  await assert.rejects(edge.call("body.large", body), { code: "invalid" });
  await edge.advertise("body.make", () => body);
  await assert.rejects(edge.call("body.make"), { name: "RemoteError", message: /at most/ });
});

Deno.test("a subscriber that does not read costs the others nothing, and is told what it missed", async () => {
  await using gateway = await gatewayOnly();
  await using lazy = await connect(gateway.ticket);
  await using keen = await connect(gateway.ticket);
  await using publisher = await connect(gateway.ticket);
  const unread = await subscribed<number>(lazy, "load.*", 100);
  const all = take(await subscribed<number>(keen, "load.*", 1_000), 5_000);
  for (let i = 0; i < 5_000; i++) await publisher.publish("load.counted", i);
  assert.equal((await soon(all, "the keen reader's events")).length, 5_000);
  const reader = unread[Symbol.asyncIterator]();
  await soon(
    (async () => {
      while (unread.received < 5_000) await lazy.ping(gateway.id);
    })(),
    "the lazy reader's link is read on",
  );
  const { value } = await reader.next();
  assert.equal(value.data + 0, value.missed, "the oldest went first");
  assert.equal(unread.missed, 4_900);
  await unread.close();
});
