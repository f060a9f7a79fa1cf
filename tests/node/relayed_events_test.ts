/** Events over several gateways: real nodes on the memory transport in virtual time. @module */

import assert from "node:assert/strict";
import type { Gateway } from "../../src/gateway/gateway.ts";
import type { Mesh } from "../../src/mesh/mesh.ts";
import type { Subscription } from "../../src/mesh/subscription.ts";
import { World } from "./world.ts";

/** Gateways `g0`, `g1`, …, of which all but the first are told of the first, and an edge at each. */
async function mesh(world: World, count: number): Promise<{ gateways: Gateway[]; edges: Mesh[] }> {
  const first = await world.gateway({}, "g0"), gateways = [first], edges: Mesh[] = [];
  for (let i = 1; i < count; i++) gateways.push(await world.gateway({ bootstrap: [first.ticket] }, `g${i}`));
  await world.run(5_000);
  for (const [i, { ticket }] of gateways.entries()) edges.push(await world.edge(ticket, {}, `e${i}`));
  return { gateways, edges };
}

/** A subscription that is ready, and what it has got so far. */
async function subscribed(world: World, mesh: Mesh, pattern: string) {
  const subscription = mesh.subscribe<number>(pattern), got: number[] = [];
  void collect(subscription, got);
  await world.passing(subscription.ready);
  return { subscription, got };
}

async function collect(subscription: Subscription<number>, got: number[]): Promise<void> {
  for await (const event of subscription) got.push(event.data);
}

Deno.test("relayed events: reach subscribers at every gateway, each once, in order, and are counted", async () => {
  await using world = new World();
  const { gateways: [g0], edges: [e0, e1, e2] } = await mesh(world, 3);
  const exact = await subscribed(world, e1!, "sensor.kitchen.measured");
  const wild = await subscribed(world, e2!, "sensor.*.measured"), all = await subscribed(world, e2!, "**");
  const own = await subscribed(world, e0!, "sensor.**"), hub = await subscribed(world, g0!, "sensor.kitchen.*");
  const numbers = Array.from({ length: 100 }, (_, i) => i);
  for (const number of numbers) await e0!.publish("sensor.kitchen.measured", number);
  await world.run(100);
  for (const { got } of [exact, wild, all, own, hub]) assert.deepEqual(got, numbers);
  const { recipients } = await world.passing(e0!.publish("sensor.kitchen.measured", 100, { acknowledge: true }));
  assert.equal(recipients, 4, "links: two of other gateways, the publisher's own, and the gateway itself");
  assert.equal((await world.passing(g0!.publish("other", 1, { acknowledge: true }))).recipients, 1);
  assert.equal((await world.passing(e1!.publish("sensor.cellar.measured", 2, { qos: 1 }))).recipients, 2);
  await world.run(100);
  assert.deepEqual(all.got.slice(101), [1, 2]);
});

Deno.test("relayed events: what is published once ready has resolved arrives, also on a topic in use", async () => {
  await using world = new World({ latencyMs: () => 10 });
  const { edges: [e0, e1] } = await mesh(world, 3);
  for (let i = 0; i < 5; i++) {
    await world.passing(e0!.publish("busy.topic", -1, { acknowledge: true })); // nobody wants it, which is remembered
    const { subscription, got } = await subscribed(world, e1!, i % 2 === 0 ? "busy.topic" : "busy.**");
    await world.run(100); // the holders' word that somebody does has come
    await world.passing(e0!.publish("busy.topic", i, { acknowledge: true }));
    await world.run(100);
    assert.deepEqual(got, [i], `round ${i}`);
    await world.passing(subscription.close());
    await world.run(100);
  }
  assert.equal((await world.passing(e0!.publish("busy.topic", -1, { acknowledge: true }))).recipients, 0);
});

Deno.test("relayed events: a gateway that dies takes its subscribers with it and holds up nobody", async () => {
  await using world = new World();
  const { edges: [e0, e1, e2] } = await mesh(world, 3);
  const dead = await subscribed(world, e1!, "x"), alive = await subscribed(world, e2!, "x");
  await e0!.publish("x", 1);
  await world.run(100);
  for (const host of ["g0", "g2"]) world.network.cut("g1", host);
  const { recipients } = await world.passing(e0!.publish("x", 2, { acknowledge: true }));
  assert.equal(recipients, 1, "the one that answers in time");
  await world.run(30_000);
  await e0!.publish("x", 3);
  await world.run(100);
  assert.deepEqual([dead.got, alive.got], [[1], [1, 2, 3]]);
  for (const host of ["g0", "g2"]) world.network.heal("g1", host);
  await world.run(90_000);
  await e0!.publish("x", 4);
  await world.run(1_000);
  assert.deepEqual([dead.got, alive.got], [[1, 4], [1, 2, 3, 4]]);
});

Deno.test("relayed events: without other gateways nothing waits", async () => {
  await using world = new World();
  const { gateways: [g0], edges: [e0] } = await mesh(world, 1), own = await subscribed(world, e0!, "x");
  const before = world.timers.now();
  assert.equal((await e0!.publish("x", 1, { acknowledge: true })).recipients, 1);
  assert.equal((await g0!.publish("x", 2, { acknowledge: true })).recipients, 1);
  assert.equal(world.timers.now(), before);
  await world.run(0);
  assert.deepEqual(own.got, [1, 2]);
});
