/** Retained events over several gateways: real nodes on the memory transport in virtual time. @module */

import assert from "node:assert/strict";
import type { Gateway } from "../../src/gateway/gateway.ts";
import type { Mesh } from "../../src/mesh/mesh.ts";
import type { Subscription } from "../../src/mesh/subscription.ts";
import { World } from "../node/world.ts";

/** What a subscriber has seen of an event. */
interface Got {
  readonly topic: string;
  readonly data: unknown;
  readonly retained: boolean;
}

/** Gateways `g0`, `g1`, …, of which all but the first are told of the first, and an edge at each. */
async function mesh(world: World, count: number): Promise<{ gateways: Gateway[]; edges: Mesh[] }> {
  const first = await world.gateway({}, "g0"), gateways = [first], edges: Mesh[] = [];
  for (let i = 1; i < count; i++) gateways.push(await world.gateway({ bootstrap: [first.ticket] }, `g${i}`));
  await world.run(5_000);
  for (const [i, { ticket }] of gateways.entries()) edges.push(await world.edge(ticket, {}, `e${i}`));
  return { gateways, edges };
}

/** A subscription that is ready, and what it gets. */
async function subscribed(world: World, mesh: Mesh, pattern: string) {
  const subscription = mesh.subscribe(pattern), got: Got[] = [];
  void collect(subscription, got);
  await world.passing(subscription.ready);
  return { subscription, got };
}

async function collect(subscription: Subscription, got: Got[]): Promise<void> {
  for await (const { topic, data, retained } of subscription) got.push({ topic, data, retained });
}

const RETAIN = { qos: 1, retain: true } as const;

Deno.test("retained: the last event of a topic is given to who subscribes later, as it was published", async () => {
  await using world = new World();
  const { gateways: [gateway], edges: [edge] } = await mesh(world, 1);
  const live = await subscribed(world, edge!, "sensor.#");
  for (const celsius of [20, 21.5]) {
    const { recipients } = await world.passing(edge!.publish("sensor.kitchen.measured", { celsius }, RETAIN));
    assert.equal(recipients, 1);
  }
  assert.deepEqual(live.got.map(({ retained }) => retained), [false, false]);
  const late = await world.edge(gateway!.ticket), subscription = late.subscribe("sensor.*.measured");
  await world.passing(subscription.ready);
  const next = world.passing(subscription[Symbol.asyncIterator]().next()), { value: event } = await next;
  const { id } = await world.passing(edge!.publish("sensor.kitchen.measured", 3, { acknowledge: true }));
  assert.deepEqual([event.data, event.retained, event.publisher], [{ celsius: 21.5 }, true, edge!.id]);
  const { value: plain } = await world.passing(subscription[Symbol.asyncIterator]().next());
  assert.deepEqual([plain.data, plain.retained, plain.id], [3, false, id]);
  assert.deepEqual(gateway!.stats().retained?.topics, 1);
  assert.equal(late.stats().retained, undefined);
});

Deno.test("retained: an event without data deletes, and goes to live subscribers as undefined", async () => {
  await using world = new World();
  const { edges: [edge] } = await mesh(world, 1);
  const live = await subscribed(world, edge!, "a");
  for (const data of [1, undefined, 2, new Uint8Array(0)]) await world.passing(edge!.publish("a", data, RETAIN));
  const late = await subscribed(world, edge!, "a");
  await world.run(100);
  assert.deepEqual(live.got.map(({ data }) => data), [1, undefined, 2, new Uint8Array(0)]);
  assert.deepEqual(late.got, []);
});

Deno.test("retained: a second subscription of a node gets what is kept, the first one nothing twice", async () => {
  await using world = new World();
  const { gateways: [gateway], edges: [edge] } = await mesh(world, 1);
  for (const node of [edge!, gateway!]) {
    const topic = `of.${node.id.slice(0, 8)}`, first = await subscribed(world, node, topic);
    await world.passing(node.publish(topic, 1, RETAIN));
    const same = await subscribed(world, node, topic), wide = await subscribed(world, node, "of.*");
    await world.run(100);
    assert.deepEqual(first.got, [{ topic, data: 1, retained: false }]);
    assert.deepEqual(same.got, [{ topic, data: 1, retained: true }]);
    assert.deepEqual(wide.got.filter((one) => one.topic === topic), [{ topic, data: 1, retained: true }]);
    await world.passing(first.subscription.close());
    await world.passing(same.subscription.close());
  }
});

Deno.test("retained: reaches subscribers at every gateway, once, whoever is between, also when its publisher has left", async () => {
  await using world = new World({ latencyMs: () => 10 });
  const { gateways, edges: [e0, e1, e2] } = await mesh(world, 4);
  await world.passing(e0!.publish("light.hall", "on", RETAIN));
  await world.passing(e1!.publish("light.cellar", "off", RETAIN));
  await world.passing(gateways[2]!.publish("light.attic", "dim", RETAIN));
  await world.passing(e0!.close());
  const all = [
    { topic: "light.attic", data: "dim", retained: true },
    { topic: "light.cellar", data: "off", retained: true },
    { topic: "light.hall", data: "on", retained: true },
  ];
  const late = await world.edge(gateways[3]!.ticket);
  for (const node of [late, e2!, gateways[3]!, gateways[0]!]) {
    const { got } = await subscribed(world, node, "light.*");
    await world.run(500);
    assert.deepEqual(got, all);
  }
  const exact = await subscribed(world, late, "light.hall");
  await world.run(500);
  assert.deepEqual(exact.got, [all[2]]);
});

Deno.test("retained: of one topic at several gateways the latest counts, and a deletion at one is for all", async () => {
  await using world = new World({ latencyMs: () => 10 });
  const { edges: [e0, e1, e2], gateways } = await mesh(world, 3);
  await world.passing(e0!.publish("door", "open", RETAIN));
  await world.passing(e1!.publish("door", "shut", RETAIN));
  await world.run(1_000);
  for (const node of [e0!, e1!, e2!]) {
    const { got } = await subscribed(world, node, "door");
    await world.run(500);
    assert.deepEqual(got, [{ topic: "door", data: "shut", retained: true }]);
  }
  await world.passing(e2!.publish("door", undefined, RETAIN));
  await world.run(1_000);
  assert.deepEqual(gateways.map((one) => one.stats().retained?.topics), [0, 0, 0]);
  const { got } = await subscribed(world, await world.edge(gateways[0]!.ticket), "**");
  await world.run(500);
  assert.deepEqual(got, []);
});

Deno.test("retained: after a reconnect comes what changed meanwhile, and nothing again", async () => {
  await using world = new World();
  const { edges: [e0], gateways: [g0, g1] } = await mesh(world, 2);
  for (const [topic, data] of [["s.a", 1], ["s.b", 1], ["s.c", 1]] as const) {
    await world.passing(e0!.publish(topic, data, RETAIN));
  }
  const away = await world.edge([g0!.ticket, g1!.ticket], {}, "away"), { got } = await subscribed(world, away, "s.*");
  await world.run(500);
  assert.deepEqual(got.splice(0).map(({ data }) => data), [1, 1, 1]);
  world.network.cut("g0", "away");
  await world.passing(e0!.publish("s.b", 2, RETAIN));
  await world.run(40_000); // the link times out; it attaches to the other gateway
  world.network.heal("g0", "away");
  assert.equal(away.status, "connected");
  assert.deepEqual(got, [{ topic: "s.b", data: 2, retained: true }]);
});

Deno.test("retained: what was published behind a partition reaches subscribers of before once it is over", async () => {
  await using world = new World();
  const { edges: [e0, e1] } = await mesh(world, 2), early = await subscribed(world, e1!, "news.*");
  await world.passing(e0!.publish("news.weather", "sun", RETAIN));
  await world.run(1_000);
  assert.deepEqual(early.got, [{ topic: "news.weather", data: "sun", retained: false }]);
  world.network.cut("g0", "g1");
  await world.run(20_000);
  await world.passing(e0!.publish("news.weather", "rain", RETAIN), 60_000);
  const late = await subscribed(world, e1!, "news.weather");
  await world.run(5_000);
  assert.deepEqual(late.got, []);
  world.network.heal("g0", "g1");
  await world.run(120_000);
  const rain = { topic: "news.weather", data: "rain", retained: true };
  assert.deepEqual([early.got.slice(1), late.got], [[rain], [rain]]);
});

Deno.test("retained: many topics come page by page, each once and in order, and the newest of each", async () => {
  await using world = new World();
  const { edges: [e0, e1], gateways } = await mesh(world, 2), topics: string[] = [];
  for (let i = 0; i < 2_300; i++) topics.push(`many.t${String(i).padStart(4, "0")}`);
  for (const [i, topic] of topics.entries()) await [e0!, e1!][i % 2]!.publish(topic, i, { retain: true });
  await world.run(100);
  for (const [i, topic] of topics.entries()) {
    if (i % 3 === 0) await [e1!, e0!][i % 2]!.publish(topic, -i - 1, { retain: true });
  }
  await world.run(1_000);
  const { got } = await subscribed(world, await world.edge(gateways[0]!.ticket), "many.*");
  await world.run(5_000);
  assert.deepEqual(got.map(({ topic }) => topic), topics);
  assert.deepEqual(got.map(({ data }) => data), topics.map((_, i) => i % 3 === 0 ? -i - 1 : i));
});

Deno.test("retained: what is over the operator's bound is refused with the reason, and counted at QoS 0", async () => {
  await using world = new World();
  const gateway = await world.gateway({ limits: { retainedTopicsMax: 4 } }), edge = await world.edge(gateway.ticket);
  const live = await subscribed(world, edge, "*");
  await world.passing(edge.publish("a", 1, RETAIN));
  await assert.rejects(world.passing(edge.publish("b", 2, RETAIN)), {
    code: "retained_share_full",
    message: "Cannot retain the event on b: the hub keeps at most 1 topics and 4194304 bytes of one publisher",
  });
  await edge.publish("c", 3, { retain: true });
  await world.run(100);
  assert.deepEqual(gateway.stats().refused, { retained_share_full: 2 });
  assert.deepEqual(edge.stats().refused, { retained_share_full: 1 }, "a notice, as nobody waited");
  await world.passing(edge.publish("b", 4, { qos: 1 }));
  assert.deepEqual(live.got.map(({ topic }) => topic), ["a", "b"]);
  assert.deepEqual(gateway.stats().retained?.topics, 1);
});
