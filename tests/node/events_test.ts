/** Events from handle to handle. @module */

import assert from "node:assert/strict";
import { ClosedError, ValidationError } from "../../src/base/errors.ts";
import { BLOCK_BYTES } from "../../src/wire/frame.ts";
import { REALM, take, World } from "./world.ts";

Deno.test("events: from an edge to edges and to the gateway, with wildcards", async () => {
  await using world = new World();
  const gateway = await world.gateway(), [a, b] = [await world.edge(gateway.ticket), await world.edge(gateway.ticket)];
  const one = b.subscribe<{ celsius: number }>("home.*.temp"),
    all = b.subscribe("home.#"),
    here = gateway.subscribe("**");
  const prefix = b.subscribe("home.kitchen", { match: "prefix" }), other = b.subscribe("home.*");
  await Promise.all([one, all, here, prefix, other].map(({ ready }) => ready));
  assert.deepEqual([all.pattern, prefix.pattern], ["home.**", "home.kitchen.**"]);
  const published = await a.publish("home.kitchen.temp", { celsius: 21.5 }, {
    acknowledge: true,
    headers: { unit: "C" },
  });
  assert.equal(published.recipients, 2, "a link counts once, and the gateway's own");
  const [event] = await take(one, 1);
  assert.deepEqual(
    [event!.topic, event!.data, event!.id, event!.publisher, event!.missed, event!.retained, event!.headers],
    ["home.kitchen.temp", { celsius: 21.5 }, published.id, a.id, 0, false, { unit: "C" }],
  );
  assert.equal(event!.at, world.timers.now());
  for (const subscription of [all, here, prefix]) assert.equal((await take(subscription, 1))[0]!.id, published.id);
  assert.equal(other.received, 0);
});

Deno.test("events: values and bytes travel as they are", async () => {
  await using world = new World();
  const gateway = await world.gateway(), a = await world.edge(gateway.ticket), all = a.subscribe("x");
  await all.ready;
  const values = [null, 0, "", "ü€", [], { a: [1, { b: null }] }, true, Uint8Array.of(0, 255), new Uint8Array(0)];
  for (const value of values) await a.publish("x", value);
  await a.publish("x", undefined);
  assert.deepEqual((await take(all, values.length + 1)).map(({ data }) => data), [...values, null]);
  for (const bad of [1n, () => {}, Symbol()]) await assert.rejects(a.publish("x", bad), ValidationError);
  await assert.rejects(a.publish("x", new Uint8Array(1 << 20)), /at most 1047552 bytes, got 1048576$/);
});

Deno.test("events: bad names and options are told at once", async () => {
  await using world = new World();
  const gateway = await world.gateway(), a = await world.edge(gateway.ticket);
  for (const topic of ["", "a..b", "a.*", "a b", "x".repeat(256)]) {
    await assert.rejects(a.publish(topic, 1), ValidationError);
  }
  await assert.rejects(a.publish("x", 1, { qos: 3 as never }), ValidationError);
  await assert.rejects(a.publish("x", 1, { headers: { a: 1 } as never }), ValidationError);
  await assert.rejects(a.publish("x", 1, { headers: { a: "x".repeat(1 << 20) } }), ValidationError);
  assert.equal((await a.publish("x", 1, { headers: { a: "x".repeat(1 << 19) }, acknowledge: true })).recipients, 0);
  assert.throws(() => a.subscribe("a.#.b"), ValidationError);
  assert.throws(() => a.subscribe("x", { buffer: 0 }), ValidationError);
  assert.deepEqual(a.subscriptions(), []);
});

Deno.test("events: the publisher's own come back only to its own subscriptions", async () => {
  await using world = new World();
  const gateway = await world.gateway(), a = await world.edge(gateway.ticket);
  assert.equal((await a.publish("x", 1, { qos: 1 })).recipients, 0);
  const [one, two] = [a.subscribe("x"), a.subscribe("*")];
  await Promise.all([one.ready, two.ready]);
  assert.equal((await a.publish("x", 2, { qos: 2 })).recipients, 1);
  assert.deepEqual([(await take(one, 1))[0]!.data, (await take(two, 1))[0]!.data], [2, 2], "one delivery a handle");
  await one.close();
  await two.close();
  assert.equal((await a.publish("x", 3, { qos: 1 })).recipients, 0);
  assert.deepEqual([one.received, two.received, gateway.stats().subscriptions], [1, 1, 0]);
});

Deno.test("events: leaving the loop, a signal and dispose tell the hub", async () => {
  await using world = new World();
  const gateway = await world.gateway(), a = await world.edge(gateway.ticket);
  const controller = new AbortController(), aborted = a.subscribe("x", { signal: controller.signal });
  const left = a.subscribe("y");
  {
    await using disposed = a.subscribe("z");
    await Promise.all([aborted.ready, left.ready, disposed.ready]);
    assert.equal(gateway.stats().subscriptions, 3);
    await a.publish("y", 1);
    for await (const _ of left) break;
    controller.abort(new Error("enough"));
    await assert.rejects(take(aborted, 1), /enough/);
  }
  await world.run(0);
  assert.deepEqual([gateway.stats().subscriptions, a.subscriptions()], [0, []]);
  assert.throws(() => a.subscribe("x", { signal: AbortSignal.abort(new Error("before")) }), /before/);
});

Deno.test("events: who reads too slowly is told of it once a series", async () => {
  await using world = new World();
  const gateway = await world.gateway(), [a, b] = [await world.edge(gateway.ticket), await world.edge(gateway.ticket)];
  const events = b.subscribe<number>("x", { buffer: 4 }), slow: unknown[] = [];
  b.addEventListener("slowconsumer", (event) => void slow.push((event as CustomEvent).detail));
  await events.ready;
  for (let i = 0; i < 20; i++) await world.passing(a.publish("x", i));
  await world.run(1_000);
  assert.deepEqual((await take(events, 4)).map(({ data, missed }) => [data, missed]), [[16, 16], [17, 0], [18, 0], [
    19,
    0,
  ]]);
  assert.deepEqual([events.missed, slow], [16, [{ pattern: "x" }]]);
});

Deno.test("events: a publish can be given up while nobody answers, and is counted as unconfirmed", async () => {
  await using world = new World();
  const gateway = await world.gateway(), a = await world.edge(gateway.ticket);
  world.network.cut("gate", "edge1");
  const controller = new AbortController();
  const given = assert.rejects(a.publish("x", 1, { qos: 1, signal: controller.signal }), /enough/);
  await world.run(10);
  controller.abort(new Error("enough"));
  await given;
  const late = assert.rejects(a.publish("x", 2, { qos: 1 }), { code: "timeout" });
  await world.run(31_000);
  await late;
  assert.equal(a.stats().messages.unconfirmed, 2);
  await assert.rejects(a.publish("x", 1, { signal: AbortSignal.abort(new Error("before")) }), /before/);
  world.network.heal("gate", "edge1");
});

Deno.test("events: what waited for a link that was lost is counted, as dropped at a hub, as unconfirmed at an edge", async () => {
  await using world = new World();
  const gateway = await world.gateway(), [a, b] = [await world.edge(gateway.ticket), await world.edge(gateway.ticket)];
  const events = b.subscribe("x", { buffer: 10_000 }), body = new Uint8Array(8 << 10);
  await events.ready;
  for (const [host, publisher] of [["edge2", gateway], ["edge1", a]] as const) {
    world.network.cut("gate", host);
    for (let i = 0; i < 1_000; i++) void publisher.publish("x", body);
    await world.run(20_000);
    world.network.heal("gate", host);
    await world.run(20_000);
  }
  const counts = [gateway.stats().messages.dropped, a.stats().messages.unconfirmed];
  assert.ok(counts.every((count) => count > 500 && count <= 1_000), `${counts}`);
  assert.ok(counts[0]! + counts[1]! + events.received <= 2_000);
  assert.deepEqual([gateway.stats().messages.unconfirmed, a.stats().messages.dropped, events.missed], [0, 0, 0]);
});

Deno.test("events: while one publisher is held back for a reader that stands still, others are not", async () => {
  await using world = new World();
  const gateway = await world.gateway(), ticket = gateway.ticket;
  const [a, b, c, d] = [
    await world.edge(ticket),
    await world.edge(ticket),
    await world.edge(ticket),
    await world.edge(ticket),
  ];
  const still = b.subscribe("x"), reading = d.subscribe("y.*");
  await Promise.all([still.ready, reading.ready]);
  world.network.cut("gate", "edge2");
  for (let i = 0; i < 5_000; i++) void a.publish("x", new Uint8Array(1 << 10));
  const queued = () => gateway.links().find(({ node }) => node === b.id)!.queued;
  const grown: number[] = [];
  for (let before = 0; before < 1 << 20; before = queued()) {
    await world.run(10);
    grown.push(queued() - before);
  }
  assert.ok(grown.slice(1).every((bytes) => bytes < 80 << 10), `64 KiB and a bit for each pause, got ${grown}`);
  for (let i = 0; i < 50; i++) void c.publish(`y.${i}`, i); // of different topics: in frames of their own
  await world.run(0);
  assert.equal(reading.received, 50, "at once");
});

Deno.test("events: 10,000 publishes and then close arrive as 10,000, in order", async () => {
  await using world = new World({ latencyMs: () => 5 });
  const gateway = await world.passing(world.gateway());
  const [a, b] = [await world.edge(gateway.ticket), await world.edge(gateway.ticket)];
  const events = b.subscribe<number>("x", { buffer: 10_000 });
  await world.passing(events.ready);
  for (let i = 0; i < 10_000; i++) a.publish("x", i);
  await world.passing(a.close());
  await world.run(1_000);
  const got = (await take(events, 10_000)).map(({ data }) => data);
  assert.deepEqual(got, Array.from({ length: 10_000 }, (_, i) => i));
});

Deno.test("events: a series is received as it was published, each event with the id that its publisher was told", async () => {
  await using world = new World();
  const gateway = await world.gateway(),
    [a, b, c] = [
      await world.edge(gateway.ticket),
      await world.edge(gateway.ticket),
      await world.edge(gateway.ticket),
    ];
  const [one, two] = [b.subscribe<number>("x"), c.subscribe<number>("**")];
  await world.passing(Promise.all([one.ready, two.ready]));
  const said: string[] = [], other: string[] = [];
  for (const here of [false, true]) { // with a subscription of the gateway's own it looks at each event
    if (here) await gateway.subscribe("x").ready;
    for (let i = 0; i < 300; i++) void a.publish("x", i).then(({ id }) => said.push(id));
    for (let i = 0; i < 3; i++) void a.publish("y", i).then(({ id }) => other.push(id));
    await world.run(100);
  }
  const events = await take(one, 600), all = await take(two, 606);
  assert.deepEqual(events.map(({ data }) => data), [...Array(600).keys()].map((i) => i % 300));
  assert.deepEqual(events.map(({ id }) => id), said);
  assert.ok(events.every(({ publisher, at, proof }) => publisher === a.id && at! > 0 && proof === "link"));
  assert.deepEqual(all.map(({ id }) => id), [
    ...said.slice(0, 300),
    ...other.slice(0, 3),
    ...said.slice(300),
    ...other.slice(3),
  ]);
  assert.equal(new Set([...said, ...other]).size, 606);
  const sharesHead = (id: string) => said.some((known) => known.slice(0, 24) === id.slice(0, 24));
  assert.ok(!other.some(sharesHead), "the ids on one topic tell nothing of how many there are on another");
  assert.equal(gateway.stats().messages.dropped, 0);
  assert.ok(a.stats().bytes.sent < 606 * 30, `${a.stats().bytes.sent} bytes`);
});

Deno.test("events: a series of the gateway's own goes to each edge in shared frames", async () => {
  await using world = new World();
  const gateway = await world.gateway(), [a, b] = [await world.edge(gateway.ticket), await world.edge(gateway.ticket)];
  const [one, two] = [a.subscribe<number>("x"), b.subscribe<number>("x")];
  await world.passing(Promise.all([one.ready, two.ready]));
  const before = gateway.stats().bytes.sent, said: string[] = [];
  for (let i = 0; i < 300; i++) void gateway.publish("x", i).then(({ id }) => said.push(id));
  await world.run(100);
  for (const events of [one, two]) assert.deepEqual((await take(events, 300)).map(({ id }) => id), said);
  const bytes = gateway.stats().bytes.sent - before;
  assert.ok(bytes < 2 * 300 * 10, `${bytes} bytes for 600 deliveries of at most 3 bytes`);
});

Deno.test("events: whoever keeps up with a small buffer misses nothing of a series", async () => {
  await using world = new World();
  const gateway = await world.gateway(), [a, b] = [await world.edge(gateway.ticket), await world.edge(gateway.ticket)];
  const events = b.subscribe<number>("x", { buffer: 8 }), here = gateway.subscribe<number>("x", { buffer: 8 });
  await world.passing(Promise.all([events.ready, here.ready]));
  const reading = Promise.all([take(events, 500), take(here, 500)]);
  for (let i = 0; i < 500; i++) void a.publish("x", i);
  for (const got of await world.passing(reading)) {
    assert.deepEqual(got.map(({ data, missed }) => [data, missed]), [...Array(500).keys()].map((i) => [i, 0]));
  }
});

Deno.test("events: whoever keeps an event holds at most 4 KiB of memory beside it", async () => {
  await using world = new World();
  const gateway = await world.gateway(), [a, b] = [await world.edge(gateway.ticket), await world.edge(gateway.ticket)];
  const events = b.subscribe<Uint8Array>("x"), here = gateway.subscribe<Uint8Array>("x");
  await world.passing(Promise.all([events.ready, here.ready]));
  const sizes = [1, 100, 1_000, 5_000],
    sent = Array.from({ length: 200 }, (_, i) => new Uint8Array(sizes[i % 4]!).fill(i));
  for (const data of sent) void a.publish("x", data);
  await world.run(100);
  for (const got of [await take(events, 200), await take(here, 200)]) {
    assert.deepEqual(got.map(({ data }) => data), sent);
    for (const { data } of got) {
      assert.ok(data.buffer.byteLength <= Math.max(BLOCK_BYTES, 2 * (data.length + 100)), `${data.buffer.byteLength}`);
    }
  }
});

Deno.test("events: an event shows what it is where it is printed, and is read as long as it is kept", async () => {
  await using world = new World();
  const gateway = await world.gateway(), [a, b] = [await world.edge(gateway.ticket), await world.edge(gateway.ticket)];
  const events = b.subscribe<number>("x");
  await world.passing(events.ready);
  for (let i = 0; i < 50; i++) void a.publish("x", i);
  await world.run(100);
  const kept = await take(events, 50), { at } = kept[0]!;
  for (let i = 0; i < 50; i++) void a.publish("x", 1_000);
  await world.run(100);
  assert.deepEqual(kept.map(({ data }) => data), [...Array(50).keys()]);
  assert.equal(new Set(kept.map(({ id }) => id)).size, 50);
  for (const one of [kept[0], kept[49]]) {
    assert.deepEqual(JSON.parse(JSON.stringify(one)), { topic: "x", retained: false, at, proof: "link" });
    assert.deepEqual(structuredClone({ ...one }), { topic: "x", retained: false, at, proof: "link" });
  }
});

Deno.test("events: a subscription that the hub refuses rejects and ends", async () => {
  await using world = new World();
  const gateway = await world.gateway({ limits: { subscriptionsPerClientMax: 1 } }),
    a = await world.edge(gateway.ticket);
  const first = a.subscribe("x");
  await first.ready;
  const second = a.subscribe("y");
  await assert.rejects(second.ready, { name: "RefusedError", code: "too_many_subscriptions" });
  await assert.rejects(take(second, 1), { code: "too_many_subscriptions" });
  assert.deepEqual(a.subscriptions(), [first]);
});

Deno.test("events: realms share nothing", async () => {
  await using world = new World();
  const one = await world.gateway(), two = await world.gateway({ realm: "org.other" }, "gate2");
  const [a, b] = [await world.edge(one.ticket), await world.edge(two.ticket)];
  const events = b.subscribe("**");
  await events.ready;
  assert.equal((await a.publish("x", 1, { qos: 1 })).recipients, 0);
  await assert.rejects(world.edge(one.ticket, { realm: "org.other" }), { code: "wrong_realm" });
  assert.deepEqual([a.realm, b.realm, events.received], [REALM, "org.other", 0]);
});

Deno.test("events: after close everything says so", async () => {
  await using world = new World();
  const gateway = await world.gateway(), a = await world.edge(gateway.ticket), events = a.subscribe("x");
  await events.ready;
  const waiting = take(events, 1).catch((error) => error.message);
  await a.close();
  assert.match(await waiting, /Expected 1, got 0 and the end/);
  for (const used of [() => a.publish("x", 1), () => a.call("x"), () => a.cast("x"), () => a.advertise("x", () => 1)]) {
    await assert.rejects(used(), ClosedError);
  }
  assert.throws(() => a.subscribe("x"), ClosedError);
  await events.close();
  await a.close();
  await a.drain();
  assert.equal(a.status, "closed");
});
