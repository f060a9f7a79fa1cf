/** Calls, discovery and confirmations over several gateways: real nodes on the memory transport in virtual time. @module */

import assert from "node:assert/strict";
import { type MeshError, NoProviderError, TimeoutError, ValidationError } from "../../src/base/errors.ts";
import type { Gateway } from "../../src/gateway/gateway.ts";
import type { Link } from "../../src/link/link.ts";
import type { Mesh } from "../../src/mesh/mesh.ts";
import { World } from "./world.ts";

/** Gateways `g0`, `g1`, …, of which all but the first are told of the first, and an edge at each. */
async function mesh(world: World, count: number): Promise<{ gateways: Gateway[]; edges: Mesh[] }> {
  const first = await world.gateway({}, "g0"), gateways = [first], edges: Mesh[] = [];
  for (let i = 1; i < count; i++) gateways.push(await world.gateway({ bootstrap: [first.ticket] }, `g${i}`));
  await world.run(5_000);
  for (const [i, { ticket }] of gateways.entries()) edges.push(await world.edge(ticket, {}, `e${i}`));
  return { gateways, edges };
}

/** The answer, and how long it took in virtual time. */
async function timed<T>(world: World, promise: Promise<T>): Promise<[T | MeshError, number]> {
  const before = world.timers.now(), result = await world.passing(promise.catch((error: MeshError) => error));
  return [result, world.timers.now() - before];
}

/** From now on nothing that gateways tell each other arrives. */
function silence(world: World, hosts: readonly string[]): void {
  for (const a of hosts) for (const b of hosts) if (a < b) world.network.cut(a, b);
}

Deno.test("routes: a call finds its provider at another gateway; discover tells who it is and where", async () => {
  await using world = new World();
  const { gateways: [g0, g1], edges: [e0, e1, e2] } = await mesh(world, 3);
  const service = await world.passing(
    e1!.advertise("math.add", ({ a, b }, { caller }) => [a + b, caller], { metadata: { zone: 1 } }),
  );
  assert.deepEqual(service.confirmation, { confirmed: 3, asked: 3 });
  for (const caller of [e2!, e0!, e1!, g0!, g1!]) {
    assert.deepEqual(await world.passing(caller.call("math.add", { a: 1, b: 2 })), [3, caller.id]);
  }
  const provider = { node: e1!.id, hub: g1!.id, metadata: { zone: 1 } };
  for (const one of [e2!, e1!, g0!]) {
    assert.deepEqual(await world.passing(one.discover("math.add", { fresh: true })), [provider]);
    assert.deepEqual(await world.passing(one.discover("math.add")), [provider]);
  }
  await world.passing(service.close());
  await world.run(100);
  await assert.rejects(world.passing(e2!.call("math.add")), NoProviderError);
  assert.deepEqual(await world.passing(e2!.discover("math.add", { fresh: true })), []);
});

Deno.test("routes: labels of edges and gateways are told by members and discover, at other gateways too", async () => {
  await using world = new World();
  const floor = { labels: { floor: "0" } }, cellar = { labels: { floor: "-1", "a.b": "ü" } };
  const g0 = await world.gateway(floor, "g0"), g1 = await world.gateway({ bootstrap: [g0.ticket] }, "g1");
  await world.run(5_000);
  const e0 = await world.edge(g0.ticket, {}, "e0"), e1 = await world.edge(g1.ticket, cellar, "e1");
  await world.passing(e1.advertise("wine", () => 1));
  await world.passing(g0.advertise("wine", () => 2));
  const all = [{ node: g0.id, hub: g0.id, ...floor }, { node: e1.id, hub: g1.id, ...cellar }];
  const byNode = <T extends { node: string }>(list: T[]) => list.sort((a, b) => a.node < b.node ? -1 : 1);
  for (const one of [e0, e1, g0]) {
    assert.deepEqual(byNode(await world.passing(one.discover("wine", { fresh: true }))), byNode([...all]));
  }
  const hubs = [{ node: g0.id, role: "hub", ...floor }, { node: g1.id, role: "hub" }] as const;
  assert.deepEqual(
    byNode(await world.passing(e1.members())),
    byNode([...hubs, { node: e1.id, role: "edge", ...cellar }]),
  );
  assert.deepEqual(byNode(await world.passing(e0.members())), byNode([...hubs, { node: e0.id, role: "edge" }]));
  // The same after its link was lost: they come with every handshake.
  g1.disconnect(e1.id);
  await world.run(5_000);
  assert.deepEqual((await world.passing(g1.members())).find(({ node }) => node === e1.id)?.labels, cellar.labels);
});

Deno.test("routes: labels that break a bound are refused before anything is opened", async () => {
  await using world = new World();
  const { ticket } = await world.gateway(), bad = { site: "\n" };
  await assert.rejects(world.gateway({ labels: bad }, "g1"), /^ValidationError: Cannot start a gateway: label site /);
  await assert.rejects(world.edge(ticket, { labels: bad }), /^ValidationError: Cannot connect: label site /);
  const legacy = { legacy: true, realm: "org.example.test", labels: { a: "b" } } as const;
  await assert.rejects(
    world.edge("https://gate:9443", legacy),
    /^ValidationError: .* tells nobody of labels, got some$/,
  );
});

Deno.test("routes: what another gateway says of labels is believed within the bounds only", async () => {
  await using world = new World();
  const { gateways: [g0, g1], edges: [e0, e1] } = await mesh(world, 2), { node, hub } = { node: e1!.id, hub: g1!.id };
  await world.passing(e1!.advertise("wine", () => 1));
  let labels: unknown;
  g1!["serve"]("_mesh.providers", () => [{ node, labels }]);
  const first = await world.passing(e0!.discover("wine", { fresh: true }));
  assert.deepEqual(first, [{ node, hub }]);
  for (const said of [{ a: "b".repeat(256) }, { a: 1 }, ["a"], "a", null]) {
    labels = said;
    const found = new Set<string>();
    for (let turn = 0; turn < 2; turn++) {
      for (const one of await world.passing(g0!.discover("wine", { fresh: true }))) found.add(JSON.stringify(one));
    }
    assert.deepEqual([...found], [JSON.stringify({ node, hub })], JSON.stringify(said));
  }
  labels = { a: "b" };
  const good = [await world.passing(g0!.discover("wine", { fresh: true })), await world.passing(g0!.discover("wine"))];
  assert(good.flat().some((one) => one.labels?.a === "b"), "the lie was heard at all");
});

Deno.test("routes: several providers at several gateways: found by all, and each has its turn", async () => {
  await using world = new World();
  const { gateways: [g0, g1, g2], edges: [e0, e1, e2] } = await mesh(world, 3);
  await world.passing(e1!.advertise("who", () => "e1"));
  await world.passing(e2!.advertise("who", () => "e2"));
  await world.passing(g2!.advertise("who", () => "g2"));
  await world.run(1_500);
  const hubOf = new Map([[e1!.id, g1!.id], [e2!.id, g2!.id], [g2!.id, g2!.id]]);
  const found = await world.passing(e0!.discover("who", { fresh: true }));
  assert.deepEqual(new Map(found.map(({ node, hub }) => [node, hub])), hubOf);
  const ask = async (caller: Mesh, strategy: "local_first" | "round_robin" | "closest", count: number) => {
    const answers: string[] = [];
    for (let i = 0; i < count; i++) answers.push(await world.passing(caller.call<string>("who", null, { strategy })));
    return answers;
  };
  const away = await ask(e0!, "local_first", 4);
  assert.equal(away.filter((one) => one === "e1").length, 2, `the two hubs in turn: ${away}`);
  assert.deepEqual(await ask(e1!, "local_first", 2), ["e1", "e1"], "at one's own gateway first");
  assert.equal(new Set(await ask(e1!, "round_robin", 6)).size, 3, "here and elsewhere");
  assert.equal(new Set(await ask(e1!, "closest", 4)).size, 1, "the same caller, the same provider");
  assert.equal(await world.passing(g0!.call("who", null, { strategy: "random" })).then((one) => typeof one), "string");
});

Deno.test("routes: one node of another gateway is called by what discover gives; a gateway by its id", async () => {
  await using world = new World();
  const { gateways: [g0, g1], edges: [e0, e1] } = await mesh(world, 2);
  await world.passing(e1!.advertise("who", () => "e1"));
  const [provider] = await world.passing(e0!.discover("who"));
  assert.equal(await world.passing(e0!.callTo(provider!, "who")), "e1");
  assert.equal(await world.passing(g0!.callTo(provider!, "who")), "e1");
  assert.equal(await world.passing(e1!.callTo(provider!, "who")), "e1", "its own gateway is as good");
  await assert.rejects(world.passing(e0!.callTo(e1!.id, "who")), { code: "node_unreachable", retryable: true });
  await assert.rejects(
    world.passing(e0!.callTo(g1!.id, "who")),
    { code: "no_handler" },
    "not served by the hub itself",
  );
  assert.deepEqual(await world.passing(e0!.callTo(g1!.id, "_mesh.ping")), { id: g1!.id });
  await assert.rejects(world.passing(e0!.callTo({ node: e0!.id, hub: g1!.id }, "who")), { code: "no_handler" });
  const nowhere = { node: e1!.id, hub: "ab".repeat(32) };
  await assert.rejects(world.passing(e0!.callTo(nowhere, "who")), { code: "node_unreachable" });
});

Deno.test("routes: nobody serves it: at once without other gateways, after one lookup among some", async () => {
  await using alone = new World();
  const { edges: [only] } = await mesh(alone, 1), before = alone.timers.now();
  await assert.rejects(only!.call("no.such"), NoProviderError);
  assert.equal(alone.timers.now(), before);
  await using world = new World({ latencyMs: () => 20 });
  const { edges: [_, e1] } = await mesh(world, 3);
  const [error, took] = await timed(world, e1!.call("no.such"));
  assert(error instanceof NoProviderError);
  assert(took < 400, `it took ${took} ms`);
  const [again, tookAgain] = await timed(world, e1!.call("no.such"));
  assert(again instanceof NoProviderError);
  assert(tookAgain < took, `that there is nobody is remembered for a moment: ${tookAgain} ms`);
});

Deno.test("routes: a provider that has just appeared is found although there was none a moment ago", async () => {
  await using world = new World();
  const { edges: [e0, e1] } = await mesh(world, 2);
  await assert.rejects(world.passing(e0!.call("late")), NoProviderError);
  await world.passing(e1!.advertise("late", () => "here"));
  assert.equal(await world.passing(e0!.call("late")), "here");
});

Deno.test("routes: a gateway that does not answer for a while is asked again, not taken for one that knows nobody", async () => {
  await using world = new World({ latencyMs: () => 5 });
  const { edges: [e0, e1] } = await mesh(world, 2);
  silence(world, ["g0", "g1"]);
  const service = await world.passing(e1!.advertise("far", () => "here"));
  assert.deepEqual(service.confirmation, { confirmed: 1, asked: 1 });
  const answer = e0!.call("far", null, { timeout: 20_000 });
  await world.run(2_500);
  world.network.heal("g0", "g1");
  assert.equal(await world.passing(answer), "here");
  silence(world, ["g0", "g1"]);
  const [error, took] = await timed(world, e0!.call("no.such", null, { timeout: 20_000 }));
  assert.equal((error as MeshError).code, "unavailable");
  assert(took >= 4_000 && took < 4_100, `it took ${took} ms`);
});

Deno.test("routes: hops are bounded by the caller", async () => {
  await using world = new World();
  const { edges: [e0, e1] } = await mesh(world, 2);
  await world.passing(e1!.advertise("far", () => "here"));
  await assert.rejects(world.passing(e0!.call("far", null, { hops: 0 })), { code: "hop_limit_exceeded" });
  assert.equal(await world.passing(e0!.call("far", null, { hops: 1 })), "here");
  assert.equal(await world.passing(e1!.call("far", null, { hops: 0 })), "here");
  for (const hops of [-1, 11, 1.5]) await assert.rejects(e0!.call("far", null, { hops }), ValidationError);
});

Deno.test("routes: timeout, abort and a lost caller reach the handler at another gateway", async () => {
  await using world = new World();
  const { gateways: [g0], edges: [e0, e1] } = await mesh(world, 2), signals: AbortSignal[] = [];
  await world.passing(e1!.advertise("hang", (_, { signal }) => (signals.push(signal), new Promise(() => {}))));
  await assert.rejects(world.passing(e0!.call("hang", null, { timeout: 500 })), TimeoutError);
  await world.run(10);
  assert.equal(signals[0]!.reason.code, "timeout");
  const controller = new AbortController();
  const aborted = assert.rejects(e0!.call("hang", null, { signal: controller.signal }), /enough/);
  await world.run(10);
  controller.abort(new Error("enough"));
  await aborted;
  await world.run(10);
  assert.equal(signals[1]!.reason.code, "aborted");
  const lost = assert.rejects(e0!.call("hang"), { code: "connection_lost" });
  await world.run(10);
  g0!.disconnect(e0!.id);
  await lost;
  await world.run(10);
  assert.equal(signals[2]!.reason.code, "caller_gone");
});

Deno.test("routes: who moved to another gateway is found there, whatever is remembered", async () => {
  await using world = new World();
  const { gateways: [_, __, g2], edges: [e0, e1] } = await mesh(world, 3);
  const service = await world.passing(e1!.advertise("who", () => "at the first"));
  assert.equal(await world.passing(e0!.call("who")), "at the first");
  await world.passing(g2!.advertise("who", () => "at the second"));
  await world.passing(service.close());
  assert.equal(await world.passing(e0!.call("who")), "at the second");
});

Deno.test("routes: a dead gateway's providers are passed over, and another's asked", async () => {
  await using world = new World();
  const { gateways: [g0, g1, g2], edges: [e0, e1, e2] } = await mesh(world, 3);
  await world.passing(e1!.advertise("who", () => "e1"));
  await world.passing(e2!.advertise("who", () => "e2"));
  const first = await world.passing(e0!.call<string>("who"));
  const [dead, host, left] = first === "e1" ? [g2!, "g2", "e1"] : [g1!, "g1", "e2"];
  for (const other of ["g0", "g1", "g2"]) if (other !== host) world.network.cut(host, other);
  await world.run(20_000);
  assert.deepEqual(g0!.links().map(({ node }) => node).includes(dead.id), false);
  for (let i = 0; i < 4; i++) assert.equal(await world.passing(e0!.call("who")), left);
});

Deno.test("routes: a dead gateway that would have to be dialled does not cost a call its time", async () => {
  for (const dead of [1, 2]) {
    await using world = new World();
    const { gateways: [g0, ...others], edges: [e0, e1, e2] } = await mesh(world, 3);
    await world.passing(e1!.advertise("who", () => "e1"));
    await world.passing(e2!.advertise("who", () => "e2"));
    await world.passing(e0!.discover("who", { fresh: true }));
    for (const hub of [g0!, ...others]) for (const link of hub["node"].links.all()) await closed(world, hub, link);
    world.network.cut("g0", `g${dead}`);
    for (let i = 0; i < 4; i++) {
      const [answer, took] = await timed(world, e0!.call("who"));
      assert.equal(answer, dead === 1 ? "e2" : "e1");
      assert(took < 2_500, `it took ${took} ms`);
    }
  }

  async function closed(world: World, { id }: Gateway, link: Link): Promise<void> {
    if (link.peer.role === "hub" && link.peer.node !== id) await world.passing(link.close("idle"));
  }
});

Deno.test("routes: a gateway that was killed costs one call its time, not each that might go there", async () => {
  await using world = new World();
  const { edges: [e0, e1, e2] } = await mesh(world, 3);
  await world.passing(e1!.advertise("who", () => "e1"));
  await world.passing(e2!.advertise("who", () => "e2"));
  await world.passing(e0!.call("who"));
  for (const other of ["g0", "g2"]) world.network.cut("g1", other);
  const outcomes: unknown[] = [];
  for (let i = 0; i < 6; i++) outcomes.push((await timed(world, e0!.call("who", null, { timeout: 1_000 })))[0]);
  assert(outcomes.filter((one) => one === "e2").length >= 5, `${outcomes}`);
});

Deno.test("confirmations: how many of those asked keep the record; without others the gateway alone, at once", async () => {
  await using alone = new World();
  const { gateways: [only], edges: [edge] } = await mesh(alone, 1), before = alone.timers.now();
  assert.deepEqual((await edge!.advertise("x", () => 1)).confirmation, { confirmed: 1, asked: 1 });
  assert.deepEqual((await only!.advertise("y", () => 1)).confirmation, { confirmed: 1, asked: 1 });
  assert.deepEqual(await edge!.subscribe("a.*").ready, { confirmed: 1, asked: 1 });
  assert.deepEqual(await only!.subscribe("b").ready, { confirmed: 1, asked: 1 });
  assert.equal(alone.timers.now(), before);
  await using world = new World();
  const { edges: [_, e1] } = await mesh(world, 4);
  assert.deepEqual((await world.passing(e1!.advertise("x", () => 1))).confirmation, { confirmed: 4, asked: 4 });
  assert.deepEqual(await world.passing(e1!.subscribe("a.*").ready), { confirmed: 4, asked: 4 });
  assert.deepEqual(await world.passing(e1!.subscribe("a.*").ready), { confirmed: 4, asked: 4 }, "known already");
});

Deno.test("confirmations: a holder that cannot be reached is no failure: another keeps the record", async () => {
  await using world = new World();
  const { edges: [e0] } = await mesh(world, 4);
  silence(world, ["g0", "g3"]);
  const [service, took] = await timed(world, e0!.advertise("x", () => 1));
  assert.deepEqual((service as { confirmation?: unknown }).confirmation, { confirmed: 3, asked: 3 });
  assert(took <= 3_000, `it took ${took} ms`);
  assert.equal(await world.passing(e0!.call("x")), 1);
});

Deno.test("confirmations: a gateway that hangs holds up what needs the mesh by 0.5 s once, then by nothing", async () => {
  await using world = new World({ latencyMs: () => 5 });
  const { edges: [e0, e1, e2] } = await mesh(world, 5), hosts = ["g0", "g1", "g2", "g4"];
  for (const host of hosts) world.network.cut(host, "g3");
  for (const [round, most] of [[1, 1_300], [2, 300]] as const) {
    const [, ready] = await timed(world, e1!.subscribe(`x.${round}`).ready);
    const [, served] = await timed(world, e2!.advertise(`serve.n${round}`, () => round));
    const [result, published] = await timed(world, e0!.publish(`x.${round}`, 1, { acknowledge: true }));
    const [answer, called] = await timed(world, e0!.call(`serve.n${round}`));
    const [nobody, refused] = await timed(world, e0!.call(`nobody.n${round}`));
    assert.deepEqual([(result as { recipients?: number }).recipients, answer, (nobody as Error).name], [
      1,
      round,
      "NoProviderError",
    ]);
    const times = [ready, served, published, called, refused];
    assert(times.every((ms) => ms <= most), `round ${round}: ${times} ms`);
  }
});

Deno.test("confirmations: while every query hangs, events and calls keep their latency, and what waits is let go", async () => {
  await using world = new World({ latencyMs: () => 5 });
  const { gateways: [g0], edges: [e0] } = await mesh(world, 3);
  const other = await world.edge(g0!.ticket, {}, "e9");
  await world.passing(other.advertise("near", () => "here"));
  const events = other.subscribe("x.*"), reader = events[Symbol.asyncIterator]();
  await world.passing(events.ready);
  const event = async () => {
    const [, took] = await timed(world, Promise.all([e0!.publish("x.y", 1), reader.next()]));
    return took;
  };
  const call = async () => (await timed(world, e0!.call("near")))[1];
  const before = [await call(), await event()];
  silence(world, ["g0", "g1", "g2"]);
  const hanging = [
    e0!.advertise("one", () => 1),
    e0!.subscribe("one.*").ready,
    e0!.call("no.such").catch((error) => error),
  ];
  for (let i = 0; i < 5; i++) assert.deepEqual([await call(), await event()], before);
  const [settled, took] = await timed(world, Promise.all(hanging));
  assert(took <= 4_100, `it took ${took} ms`);
  const [service, ready, error] = settled as [{ confirmation: unknown }, unknown, MeshError];
  assert.deepEqual([service.confirmation, ready], [{ confirmed: 1, asked: 1 }, { confirmed: 1, asked: 1 }]);
  assert.deepEqual([error.code, error.retryable], ["unavailable", true], "those who would know have not answered");
  assert.equal(await world.passing(other.call("one")), 1, "its own gateway serves it all the same");
});

Deno.test("routes: who wants a topic is known at all gateways", async () => {
  await using world = new World();
  const { gateways: [g0], edges: [e0, e1, e2] } = await mesh(world, 3);
  await world.passing(e1!.subscribe("sensor.*.measured").ready);
  await world.passing(e2!.subscribe("sensor.kitchen.measured").ready);
  const own = e0!.subscribe("**");
  await world.passing(own.ready);
  const topic = "sensor.kitchen.measured", all = [e0!.id, e1!.id, e2!.id].sort();
  assert.deepEqual((await world.passing(e0!.discoverSubscribers(topic, { fresh: true }))).sort(), all);
  assert.deepEqual((await world.passing(g0!.discoverSubscribers(topic))).sort(), all);
  await world.passing(own.close());
  await world.run(100);
  assert.deepEqual(await world.passing(e1!.discoverSubscribers("other", { fresh: true })), []);
});

Deno.test("routes: records are renewed as long as there is a provider, and end with it", async () => {
  await using world = new World();
  const { edges: [e0, e1] } = await mesh(world, 2);
  const service = await world.passing(e1!.advertise("lasting", () => "here"));
  await world.run(900_000);
  assert.equal(await world.passing(e0!.call("lasting")), "here");
  await world.passing(service.close());
  await world.run(1_000);
  assert.deepEqual(await world.passing(e0!.discover("lasting", { fresh: true })), []);
});
