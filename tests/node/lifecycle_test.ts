/** Attaching, losing the hub and coming back, draining and closing. @module */

import assert from "node:assert/strict";
import { ClosedError, MeshError, RefusedError } from "../../src/base/errors.ts";
import { connect } from "../../src/edge/connect.ts";
import { statuses, take, World } from "./world.ts";

Deno.test("attaching: by ticket; both ends see the other", async () => {
  await using world = new World();
  const gateway = await world.gateway(), ups: string[] = [];
  gateway.addEventListener("peerup", (event) => void ups.push((event as CustomEvent).detail.node));
  const a = await world.edge(gateway.ticket);
  assert.deepEqual([a.status, gateway.status, a.ticket], ["connected", "connected", gateway.ticket]);
  assert.deepEqual(a.links().map(({ node, role, remote }) => [node, role, remote]), [[gateway.id, "hub", "gate:9443"]]);
  assert.deepEqual([gateway.clients().map(({ node }) => node), ups], [[a.id], [a.id]]);
  assert.deepEqual([gateway.stats().clients, gateway.stats().links, a.stats().links], [1, 1, 1]);
});

Deno.test("attaching: final refusals are told at once, trouble when the time is over", async () => {
  await using world = new World();
  const gateway = await world.gateway({ limits: { clientsMax: 1 } }), runtime = world.runtime("edge");
  await assert.rejects(connect(gateway.ticket, { runtime, realm: "org.other" }), RefusedError);
  const a = await world.edge(gateway.ticket), before = world.timers.now();
  const full = world.passing(connect(gateway.ticket, { runtime, timeout: 3_000 }));
  await assert.rejects(full, { name: "RefusedError", code: "max_clients_reached", retryable: true });
  assert(world.timers.now() - before >= 3_000);
  await assert.rejects(connect([], { runtime }), { code: "invalid" });
  await assert.rejects(connect("nonsense", { runtime }), { code: "invalid" });
  const gone = await world.gateway({}, "gone"), { ticket } = gone;
  await gone.close();
  await assert.rejects(world.passing(connect(ticket, { runtime, timeout: 1_000 })), { code: "unreachable" });
  world.network.cut("edge", "gate");
  await assert.rejects(world.passing(connect(gateway.ticket, { runtime, timeout: 1_000 })), { code: "unreachable" });
  world.network.heal("edge", "gate");
  assert.equal(a.status, "connected");
});

Deno.test("attaching: a signal gives up, also one that is aborted already", async () => {
  await using world = new World();
  const gateway = await world.gateway(), runtime = world.runtime("edge"), controller = new AbortController();
  world.network.cut("edge", "gate");
  const connecting = assert.rejects(connect(gateway.ticket, { runtime, signal: controller.signal }), /enough/);
  await world.run(100);
  controller.abort(new Error("enough"));
  await world.passing(connecting);
  await assert.rejects(connect(gateway.ticket, { runtime, signal: controller.signal }), /enough/);
  world.network.heal("edge", "gate");
  await world.run(100_000);
  assert.equal(gateway.clients().length, 0, "nobody dials any more");
});

Deno.test("attaching: a list of hubs is tried in turn", async () => {
  await using world = new World();
  const [one, two] = [await world.gateway({}, "one"), await world.gateway({}, "two")];
  const a = await world.edge([one.ticket, two.ticket]);
  assert.equal(a.links()[0]!.node, one.id);
  const events = a.subscribe("x");
  await events.ready;
  await a.advertise("who", () => "a");
  await world.passing(one.close());
  await world.run(3_000);
  assert.deepEqual([a.status, a.links()[0]!.node], ["connected", two.id]);
  assert.equal(await two.call("who"), "a");
  await two.publish("x", 1);
  assert.equal((await take(events, 1))[0]!.data, 1);
  await assert.rejects(
    connect([one.ticket, (await world.gateway({ realm: "org.other" }, "other")).ticket], {
      runtime: world.runtime("x"),
    }),
    /of one realm/,
  );
});

Deno.test("reconnecting: a killed hub that comes back finds subscriptions, procedures and waiting events", async () => {
  await using world = new World();
  const gateway = await world.gateway();
  const [a, b] = [await world.edge(gateway.ticket), await world.edge(gateway.ticket)];
  const events = b.subscribe<string>("x.**"), seen = statuses(a);
  await events.ready;
  await a.advertise("who", () => "a");
  await world.kill(gateway);
  assert.deepEqual([a.status, b.status, seen], ["degraded", "degraded", ["degraded"]]);
  const waiting = a.publish("x.1", "waited"), confirmed = a.publish("x.2", "confirmed", { qos: 1 });
  const called = b.call("who", null, { timeout: 40_000 }).catch(() => {}); // b may be there before a
  const again = await world.gateway();
  assert.equal(again.ticket, gateway.ticket);
  await world.run(35_000);
  assert.deepEqual([a.status, b.status, seen], ["connected", "connected", ["degraded", "connected"]]);
  assert.equal(await again.call("who"), "a");
  await Promise.all([waiting, confirmed, called]);
  await a.publish("x.3", "after");
  const topics = new Set<string>();
  await world.run(0);
  while (events.buffered > 0) topics.add((await take(events, 1))[0]!.topic);
  assert(topics.has("x.3"));
  assert.deepEqual([again.clients().length, again.stats().subscriptions], [2, 1]);
});

Deno.test("reconnecting: an acknowledged event that was not answered arrives once", async () => {
  await using world = new World();
  const gateway = await world.gateway(), [a, b] = [await world.edge(gateway.ticket), await world.edge(gateway.ticket)];
  const events = b.subscribe<number>("x");
  await events.ready;
  for (let i = 0; i < 20; i++) {
    const published = a.publish("x", i, { qos: 1 });
    if (i % 3 === 0) gateway.disconnect(a.id);
    else await world.run(0);
    if (i % 5 === 0) gateway.disconnect(a.id);
    await world.passing(published);
    await world.passing(reached(() => a.status === "connected"));
  }
  assert.deepEqual((await take(events, 20)).map(({ data }) => data), Array.from({ length: 20 }, (_, i) => i));
  await world.run(1_000);
  assert.equal(events.received, 20);

  async function reached(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => void world.timers.after(10, resolve));
  }
});

Deno.test("reconnecting: connected is said when the hub knows again what is wanted and served", async () => {
  await using world = new World();
  const gateway = await world.gateway(), edge = await world.edge(gateway.ticket);
  const events = edge.subscribe<string>("x");
  await Promise.all([events.ready, edge.advertise("who", () => "edge")]);
  await world.kill(gateway);
  const again = await world.gateway(), calls: Promise<unknown>[] = [];
  edge.addEventListener("statuschange", () => {
    if (edge.status === "connected") calls.push(again.publish("x", "at once"), again.call("who"));
  });
  await world.run(35_000);
  assert.equal((await Promise.all(calls))[1], "edge");
  assert.deepEqual([events.received, (await take(events, 1))[0]!.data], [1, "at once"]);
});

Deno.test("reconnecting: a hub that does not say what it knows is waited for 5 s", async () => {
  await using world = new World();
  const gateway = await world.gateway(), edge = await world.edge(gateway.ticket), at: number[] = [];
  await edge.subscribe("x").ready;
  await world.kill(gateway);
  await world.gateway();
  edge.addEventListener("peerup", () => {
    world.network.cutOneWay("gate", "edge1");
    at.push(world.timers.now());
  });
  edge.addEventListener("statuschange", () => void at.push(world.timers.now()));
  await world.run(35_000);
  assert.equal(at[1]! - at[0]!, 5_000);
  world.network.heal("gate", "edge1");
});

Deno.test("reconnecting: without a link the backlog is bounded, calls wait for their time, handles stay", async () => {
  await using world = new World();
  const gateway = await world.gateway(), a = await world.edge(gateway.ticket);
  await world.kill(gateway);
  const subscribed = a.subscribe("y"), advertised = a.advertise("z", () => 1);
  const waiting = Array.from({ length: 1_000 }, (_, i) => a.publish("x", i));
  await assert.rejects(a.publish("x", 1), { code: "unavailable", retryable: true });
  await assert.rejects(world.passing(a.call("who", null, { timeout: 1_000 })), {
    name: "TimeoutError",
    message: "Cannot call who: a link to a hub must come within 1000 ms, got none",
  });
  const given = new AbortController(), aborted = assert.rejects(a.publish("x", 1, { signal: given.signal }));
  given.abort();
  await aborted;
  const again = await world.gateway(), events = again.subscribe("x");
  await world.passing(Promise.all([...waiting, subscribed.ready, advertised]));
  await world.run(100);
  assert.deepEqual((await take(events, 1_000)).map(({ data }) => data), Array.from({ length: 1_000 }, (_, i) => i));
  assert.equal(await again.call("z"), 1);
});

Deno.test("closing: idempotent, ends what waits, leaves no timer and no client behind", async () => {
  await using world = new World();
  const gateway = await world.gateway(), [a, b] = [await world.edge(gateway.ticket), await world.edge(gateway.ticket)];
  let signal: AbortSignal | undefined;
  await b.advertise("hang", (_, context) => (signal = context.signal, new Promise(() => {})));
  const waiting = assert.rejects(a.call("hang"), MeshError), seen = statuses(a);
  await world.run(0);
  const closing = a.close();
  assert.equal(a.close(), closing);
  await closing;
  await waiting;
  assert.deepEqual([a.status, seen, a.links()], ["closed", ["draining", "closed"], []]);
  await world.run(0);
  assert.deepEqual([signal!.aborted, gateway.clients().map(({ node }) => node)], [true, [b.id]]);
  await assert.rejects(a.call("x"), ClosedError);
  {
    await using c = await world.edge(gateway.ticket);
    assert.equal(c.status, "connected");
  }
  await world.run(10);
  assert.equal(gateway.clients().length, 1);
});

Deno.test("closing: a gateway's edges hear of it and dial again", async () => {
  await using world = new World();
  const gateway = await world.gateway(), a = await world.edge(gateway.ticket), downs: string[] = [];
  a.addEventListener("peerdown", (event) => void downs.push((event as CustomEvent).detail.reason));
  await world.passing(gateway.close());
  await world.run(0);
  assert.deepEqual([a.status, downs], ["degraded", ["closed"]]);
  const again = await world.gateway();
  await world.run(10_000);
  assert.deepEqual([a.status, again.clients().length], ["connected", 1]);
});

Deno.test("draining: takes no new calls, finishes those that run, then closes", async () => {
  await using world = new World();
  const gateway = await world.gateway(), [a, b] = [await world.edge(gateway.ticket), await world.edge(gateway.ticket)];
  let finish = (_: string) => {};
  await a.advertise("work", () => new Promise<string>((resolve) => finish = resolve));
  const running = b.call("work");
  await world.run(0);
  const draining = a.drain();
  await world.run(0);
  assert.equal(a.status, "draining");
  await assert.rejects(b.call("work"), { code: "no_provider" });
  finish("done");
  assert.equal(await running, "done");
  await draining;
  assert.equal(a.status, "closed");
});

Deno.test("draining: gives up on handlers that do not finish", async () => {
  await using world = new World();
  const gateway = await world.gateway(), a = await world.edge(gateway.ticket);
  let signal: AbortSignal | undefined;
  await gateway.advertise("hang", (_, context) => (signal = context.signal, new Promise(() => {})));
  const call = assert.rejects(a.call("hang", null, { timeout: 60_000 }));
  await world.run(0);
  const seen = statuses(a), draining = gateway.drain({ timeout: 2_000 });
  await world.run(1_999);
  assert.deepEqual([gateway.status, seen], ["draining", ["degraded"]], "the edge was told");
  await world.passing(draining);
  await world.passing(call);
  assert.deepEqual([gateway.status, signal!.aborted], ["closed", true]);
});

Deno.test("a gateway bounds its clients, and lets an operator end their links", async () => {
  await using world = new World();
  const gateway = await world.gateway(), a = await world.edge(gateway.ticket), downs: string[] = [];
  a.addEventListener("peerdown", (event) => void downs.push((event as CustomEvent).detail.reason));
  assert.equal(gateway.disconnect(a.id, "go away"), 1);
  assert.equal(gateway.disconnect("00".repeat(32)), 0);
  await world.run(3_000);
  assert.deepEqual([downs, a.status], [["disconnected"], "connected"]);
  await assert.rejects(world.gateway({ limits: { clientsMax: 0 } }), { code: "invalid" });
  await assert.rejects(world.gateway(), { code: "address_in_use" });
});

Deno.test("draining: a gateway finishes the calls that it passes on, as long as it may", async () => {
  await using world = new World();
  const gateway = await world.gateway(), [a, b] = [await world.edge(gateway.ticket), await world.edge(gateway.ticket)];
  const finish: ((result: string) => void)[] = [];
  await a.advertise("work", () => new Promise<string>((resolve) => void finish.push(resolve)));
  const running = b.call("work", null, { timeout: 60_000 });
  await world.run(1);
  const draining = gateway.drain();
  await world.run(5_000);
  assert.equal(gateway.status, "draining");
  finish[0]!("done");
  assert.equal(await world.passing(running), "done");
  await world.passing(draining);
  assert.equal(gateway.status, "closed");

  const again = await world.gateway();
  await world.run(10_000);
  const lost = assert.rejects(b.call("work", null, { timeout: 60_000 }), { code: "connection_lost" });
  await world.run(1);
  await world.passing(again.drain({ timeout: 1_000 }));
  await lost;
});

Deno.test("closing: what waited for a link is unconfirmed, and calls know that it was this end", async () => {
  await using world = new World();
  const gateway = await world.gateway(), a = await world.edge(gateway.ticket), b = await world.edge(gateway.ticket);
  await a.advertise("hang", () => new Promise(() => {}));
  const hanging = assert.rejects(b.call("hang"), ClosedError);
  await world.run(1);
  await world.passing(b.close());
  await hanging;
  await world.kill(gateway);
  const waiting = [a.publish("x", 1), a.publish("x", 2)].map((one) => assert.rejects(one, ClosedError));
  await world.passing(a.close());
  await Promise.all(waiting);
  assert.equal(a.stats().messages.unconfirmed, 2);
});

Deno.test("draining: aborted, it closes at once and rejects with the reason", async () => {
  await using world = new World();
  const gateway = await world.gateway(), a = await world.edge(gateway.ticket), given = new AbortController();
  await gateway.advertise("work", () => new Promise(() => {}));
  a.call("work").catch(() => {});
  await world.run(1);
  const draining = assert.rejects(gateway.drain({ signal: given.signal }), { message: "enough" });
  await world.run(100);
  assert.equal(gateway.status, "draining");
  given.abort(new Error("enough"));
  await world.passing(draining);
  assert.equal(gateway.status, "closed");
});
