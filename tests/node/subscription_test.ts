/** A subscription's buffer: order, overflow, what was missed, ends. @module */

import assert from "node:assert/strict";
import { Slab } from "../../src/base/slab.ts";
import { type SubscribeOptions, Subscription, type SubscriptionOwner } from "../../src/mesh/subscription.ts";
import type { Publish } from "../../src/wire/mod.ts";

function made(options: SubscribeOptions = {}, ready = Promise.resolve({ confirmed: 1, asked: 1 })) {
  const heard = { drained: 0, overflowed: 0, closed: 0 };
  const owner: SubscriptionOwner = {
    drained: () => void heard.drained++,
    overflowed: () => void heard.overflowed++,
    closed: () => (heard.closed++, Promise.resolve()),
  };
  const subscription = new Subscription<number>("x.**", ready, options, owner);
  return { subscription, heard, reader: subscription[Symbol.asyncIterator]() };
}

function event(number: number): Publish {
  const payload = new TextEncoder().encode(`${number}`), messageId = new Uint8Array(16).fill(number);
  return { kind: "publish", topic: "x.y", payload, qos: 0, retain: false, messageId, encoding: "json" };
}

async function rest(subscription: Subscription<number>): Promise<[number, number][]> {
  const read: [number, number][] = [];
  for await (const { data, missed } of subscription) read.push([data, missed]);
  return read;
}

Deno.test("subscription: events come in order, buffered or waited for", async () => {
  const { subscription, reader } = made(), waiting = reader.next();
  subscription.push(event(1));
  subscription.push(event(2));
  assert.equal((await waiting).value.data, 1);
  assert.equal(subscription.buffered, 1);
  await subscription.close();
  assert.deepEqual(await rest(subscription), [[2, 0]], "what waits can still be read");
  subscription.push(event(3));
  assert.deepEqual(await rest(subscription), []);
  assert.equal(subscription.received, 2);
});

Deno.test("subscription: whoever published an event here may write to its bytes afterwards", async () => {
  const { subscription, reader } = made(), payload = Uint8Array.of(49), messageId = new Uint8Array(16).fill(1);
  subscription.push({ ...event(1), payload, messageId, publisher: new Uint8Array(32).fill(2) }, "link", new Slab());
  payload.fill(0);
  messageId.fill(0);
  const { value } = await reader.next();
  assert.deepEqual([value.data, value.id, value.publisher], [1, "01".repeat(16), "02".repeat(32)]);
});

Deno.test("subscription: drop-oldest keeps the newest and says before which event something is missing", async () => {
  const { subscription, heard } = made({ buffer: 3 });
  for (let i = 1; i <= 7; i++) subscription.push(event(i));
  assert.deepEqual([subscription.missed, subscription.buffered, heard.overflowed], [4, 3, 1]);
  subscription.close();
  assert.deepEqual(await rest(subscription), [[5, 4], [6, 0], [7, 0]]);
});

Deno.test("subscription: drop-oldest with room for one", async () => {
  const { subscription, heard, reader } = made({ buffer: 1 });
  for (let i = 1; i <= 3; i++) subscription.push(event(i));
  const { value } = await reader.next();
  assert.deepEqual([value.data, value.missed, heard.overflowed], [3, 2, 1]);
  for (let i = 4; i <= 5; i++) subscription.push(event(i));
  assert.equal(heard.overflowed, 2, "a new series");
});

Deno.test("subscription: drop-newest keeps what came first", async () => {
  const { subscription, reader, heard } = made({ buffer: 2, overflow: "drop-newest" });
  for (let i = 1; i <= 5; i++) subscription.push(event(i));
  assert.equal((await reader.next()).value.data, 1);
  subscription.push(event(6));
  subscription.close();
  assert.deepEqual(await rest(subscription), [[2, 0], [6, 3]]);
  assert.deepEqual([subscription.missed, heard.overflowed], [3, 1]);
});

Deno.test("subscription: overflow as an error ends it after what waits", async () => {
  const { subscription, reader, heard } = made({ buffer: 2, overflow: "error" });
  for (let i = 1; i <= 3; i++) subscription.push(event(i));
  assert.equal(heard.closed, 1);
  assert.deepEqual([(await reader.next()).value.data, (await reader.next()).value.data], [1, 2]);
  await assert.rejects(reader.next(), { code: "slow_consumer" });
  assert.equal((await reader.next()).done, true);
});

Deno.test("subscription: what the hub lost is told with the next event", async () => {
  const { subscription, reader } = made();
  subscription.push(event(1));
  subscription.lost(5);
  subscription.push(event(2));
  assert.equal((await reader.next()).value.missed, 0);
  assert.equal((await reader.next()).value.missed, 5);
  assert.equal(subscription.missed, 5);
});

Deno.test("subscription: tells when it is congested and when there is room again", async () => {
  const { subscription, reader, heard } = made({ buffer: 8 });
  for (let i = 1; i <= 4; i++) subscription.push(event(i));
  assert.equal(subscription.congested, false);
  subscription.push(event(5));
  assert.equal(subscription.congested, true);
  for (let i = 0; i < 3; i++) await reader.next();
  assert.deepEqual([heard.drained, subscription.position, subscription.congested], [1, 3, false]);
});

Deno.test("subscription: leaving the loop unsubscribes and forgets what waits", async () => {
  const { subscription, heard } = made();
  for (let i = 1; i <= 3; i++) subscription.push(event(i));
  for await (const { data } of subscription) {
    assert.equal(data, 1);
    break;
  }
  assert.deepEqual([heard.closed, subscription.buffered, await rest(subscription)], [1, 0, []]);
  await subscription.close();
  assert.equal(heard.closed, 1, "twice is once");
  const thrown = made();
  thrown.subscription.push(event(1));
  await assert.rejects(async () => {
    for await (const _ of thrown.subscription) throw new Error("mine");
  }, /mine/);
  assert.equal(thrown.heard.closed, 1);
});

Deno.test("subscription: a waiting reader hears of the end", async () => {
  const closed = made(), waiting = closed.reader.next();
  await closed.subscription.close();
  assert.equal((await waiting).done, true);
  const failed = made(), rejected = assert.rejects(failed.reader.next(), /because/);
  failed.subscription.fail(new Error("because"));
  await rejected;
  assert.equal((await failed.reader.next()).done, true, "an error is told once");
});

Deno.test("subscription: a signal and a refusal end it", async () => {
  const controller = new AbortController(), aborted = made({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(aborted.reader.next(), /enough/);
  assert.equal(aborted.heard.closed, 1);
  const refused = made({}, Promise.reject(new Error("refused")));
  await assert.rejects(refused.subscription.ready, /refused/);
  await assert.rejects(refused.reader.next(), /refused/);
});

Deno.test("subscription: one reader at a time; sensible settings only", async () => {
  const { subscription, reader } = made();
  reader.next();
  await assert.rejects(reader.next(), { code: "invalid" });
  subscription.close();
  for (const buffer of [0, -1, 1.5, NaN, 1e9]) assert.throws(() => made({ buffer }), { code: "invalid" });
  assert.throws(() => made({ overflow: "drop" as never }), { code: "invalid" });
});

Deno.test("subscription: a long queue is given back as it is read", async () => {
  const { subscription, reader } = made({ buffer: 20_000 });
  for (let i = 0; i < 30_000; i++) {
    subscription.push(event(i % 200));
    if (i % 3 > 0) assert.equal((await reader.next()).done, false);
  }
  assert.equal(subscription.buffered, 10_000);
  assert.equal(subscription.missed, 0);
});
