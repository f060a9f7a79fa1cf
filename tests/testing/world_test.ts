/** Real gateways and edges in virtual time: what users of `@macula/mesh/testing` rely on. @module */

import assert from "node:assert/strict";
import { type Mesh, MeshError, TimeoutError } from "@macula/mesh";
import { simulateMesh, type World } from "@macula/mesh/testing";

/** Everything that comes, as it comes. */
function collect(mesh: Mesh, pattern: string): { readonly data: unknown[]; readonly ready: Promise<unknown> } {
  const subscription = mesh.subscribe(pattern), data: unknown[] = [];
  (async () => {
    for await (const event of subscription) data.push(event.data);
  })();
  return { data, ready: subscription.ready };
}

function connectAll(world: World, count: number): Promise<Mesh[]> {
  return Promise.all(Array.from({ length: count }, () => world.connect()));
}

Deno.test("world: what is awaited happens, and time stands still otherwise", async () => {
  await using world = await simulateMesh({ seed: 1, profile: "wifi" });
  const [alice, bob] = await connectAll(world, 2) as [Mesh, Mesh];
  await using adder = await bob.advertise("math.add", ({ a, b }: { a: number; b: number }) => a + b);
  assert.equal(adder.procedure, "math.add");
  const before = world.now;
  assert.equal(await alice.call("math.add", { a: 1, b: 2 }), 3);
  const took = world.now - before;
  assert(took > 10 && took < 2_000, `two round trips of wifi take ${took} ms`);
  const stands = world.now;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(world.now, stands);
  await using rooms = alice.subscribe("room.*");
  await rooms.ready;
  await bob.publish("room.hall", { text: "hello" });
  for await (const { data } of rooms) {
    assert.deepEqual(data, { text: "hello" });
    break;
  }
});

Deno.test("world: a timeout of 30 s takes 30 s of virtual time", async () => {
  await using world = await simulateMesh();
  const [alice, bob] = await connectAll(world, 2) as [Mesh, Mesh];
  await bob.advertise("never", () => new Promise(() => {}));
  const before = world.now;
  await assert.rejects(alice.call("never", {}, { timeout: 30_000 }), TimeoutError);
  const took = world.now - before;
  assert(took >= 30_000 && took < 31_000, `got ${took}`);
});

Deno.test("world: conditions that ask the mesh are asked again and again", async () => {
  await using world = await simulateMesh();
  const [alice, bob] = await connectAll(world, 2) as [Mesh, Mesh];
  world.clock.after(5_000, () => void bob.advertise("late", () => 1));
  const before = world.now;
  await world.until(async () => (await alice.discover("late")).length > 0);
  const took = world.now - before;
  assert(took >= 5_000 && took < 5_500, `got ${took}`);
  const never = world.until(async () => (await alice.discover("never")).length > 0, { within: 2_000 });
  await assert.rejects(never, /alice.discover\("never"\)\)\.length > 0: 2000 ms are over/);
});

Deno.test("world: fifty peers chat through a partition and its end", async () => {
  await using world = await simulateMesh({ seed: 7, profile: "wifi" });
  const peers = await connectAll(world, 50), heard = peers.map((peer) => collect(peer, "room.*"));
  await Promise.all(heard.map(({ ready }) => ready));
  for (const [i, peer] of peers.entries()) await peer.publish("room.hall", i, { acknowledge: true });
  await world.until(() => heard.every(({ data }) => data.length === 50));
  const away = peers.slice(40);
  world.partition(away);
  await world.until(() => away.every(({ status }) => status === "degraded"));
  assert(peers.slice(0, 40).every(({ status }) => status === "connected"));
  await peers[0]!.publish("room.hall", "who is there", { acknowledge: true });
  await world.until(() => heard.slice(0, 40).every(({ data }) => data.at(-1) === "who is there"));
  assert(heard.slice(40).every(({ data }) => data.length === 50));
  world.heal();
  await world.until(() => away.every(({ status }) => status === "connected"));
  await world.advance(1_000); // a link is up before the gateway has heard of what it wants
  const { recipients } = await peers[0]!.publish("room.hall", "welcome back", { acknowledge: true });
  assert.equal(recipients, 50, "the subscriptions are back with the links");
  await world.until(() => heard.every(({ data }) => data.at(-1) === "welcome back"));
});

Deno.test("world: a gateway that crashed and came back has its edges and their subscriptions again", async () => {
  for (const state of ["kept", "lost"] as const) {
    await using world = await simulateMesh({ seed: state });
    const [alice, bob] = await connectAll(world, 2) as [Mesh, Mesh];
    const { data, ready } = collect(bob, "room.*");
    await ready;
    await bob.advertise("where", () => "here");
    const [gateway] = world.gateways, crashedAt = world.now;
    await world.crash(gateway!);
    assert.equal(gateway!.status, "closed");
    assert.equal(alice.status, "connected", "nobody has told her");
    await world.until(() => alice.status === "degraded");
    const noticed = world.now - crashedAt;
    assert(noticed >= 14_000 && noticed < 19_000, `noticed after ${noticed} ms`);
    const again = await world.restart(gateway!, { state });
    assert.equal(world.gateways[0], again);
    assert.equal(again.id, gateway!.id);
    await world.until(() => [alice, bob].every(({ status }) => status === "connected"));
    await world.advance(1_000);
    await world.run(async () => {
      await alice.publish("room.hall", "back", { acknowledge: true });
      assert.equal(await alice.call("where"), "here");
    });
    assert.deepEqual(data, ["back"]);
  }
});

Deno.test("world: an edge that crashes rejects what waits on it, and comes back as the same node", async () => {
  await using world = await simulateMesh();
  const [alice, bob] = await connectAll(world, 2) as [Mesh, Mesh];
  await bob.advertise("never", () => new Promise(() => {}));
  const waiting = assert.rejects(alice.call("never", {}, { timeout: 60_000 }), MeshError);
  await world.advance(1_000);
  await world.crash(alice);
  await waiting;
  assert.equal(world.gateways[0]!.clients().length, 2, "the gateway has not noticed yet");
  await world.advance(16_000);
  assert.equal(world.gateways[0]!.clients().length, 1);
  const again = await world.restart(alice);
  assert.equal(again.id, alice.id);
  await again.ping(bob.id);
  await assert.rejects(world.restart(again), { code: "invalid" });
  assert.throws(() => world.partition(alice), { code: "invalid" });
});

Deno.test("world: a one-way partition is noticed by the deaf end first", async () => {
  await using world = await simulateMesh();
  const alice = await world.connect(), [gateway] = world.gateways;
  world.partition(alice, gateway!, { oneWay: true });
  const cutAt = world.now;
  await world.until(() => gateway!.clients().length === 0);
  assert.equal(alice.status, "connected");
  assert(world.now - cutAt >= 15_000);
  await world.until(() => alice.status === "degraded");
  assert(world.now - cutAt >= 29_000);
  world.heal(alice, gateway);
  await world.until(() => alice.status === "connected");
});

Deno.test("world: a slow node is slow, the others are not", async () => {
  await using world = await simulateMesh({ profile: "lan" });
  const [alice, bob, carol] = await connectAll(world, 3) as [Mesh, Mesh, Mesh];
  world.slow(bob, 400);
  const [toBob, toCarol] = [await alice.ping(bob.id), await alice.ping(carol.id)];
  assert(toBob >= 800 && toBob < 900, `got ${toBob}`);
  assert(toCarol < 50, `got ${toCarol}`);
});

Deno.test("world: the same seed gives the same run, another seed another one", async () => {
  const run = async (seed: number) => {
    await using world = await simulateMesh({ seed, gateways: 2, profile: "lossy" });
    const peers = await connectAll(world, 10), heard = peers.map((peer) => collect(peer, "room.**"));
    await Promise.all(heard.map(({ ready }) => ready));
    world.partition(peers.slice(0, 3));
    await world.advance(20_000);
    world.heal();
    for (let round = 0; round < 5; round++) {
      for (const [i, peer] of peers.entries()) await peer.publish(`room.r${i}`, i);
      await world.advance(5_000);
    }
    return {
      fingerprint: world.fingerprint,
      events: world.events,
      now: world.now,
      data: heard.map(({ data }) => data),
    };
  };
  const first = await run(3);
  assert(first.events > 500, `got ${first.events}`);
  assert.deepEqual(await run(3), first);
  assert.notEqual((await run(4)).fingerprint, first.fingerprint);
});

Deno.test("world: two at once do not touch each other", async () => {
  const alone = async (seed: number) => {
    await using world = await simulateMesh({ seed, profile: "cellular" });
    const [alice, bob] = await connectAll(world, 2) as [Mesh, Mesh];
    await bob.advertise("echo", (args) => args);
    for (let i = 0; i < 20; i++) assert.equal(await alice.call("echo", i), i);
    await world.advance(100_000);
    return world.fingerprint;
  };
  const [one, two] = [await alone(1), await alone(2)];
  assert.deepEqual(await Promise.all([alone(1), alone(2)]), [one, two]);
});

Deno.test("world: a node's clock may be wrong, and its timers are not", async () => {
  await using world = await simulateMesh();
  const alice = await world.connect({ skew: 3_600_000 }), bob = await world.connect();
  await using events = bob.subscribe("room.*");
  await events.ready;
  const before = world.now;
  await alice.publish("room.hall", 1);
  for await (const { at } of events) {
    assert(Math.abs(at! - before - 3_600_000) < 1_000, `got ${at! - before}`);
    break;
  }
  await bob.advertise("never", () => new Promise(() => {}));
  await assert.rejects(alice.call("never", {}, { timeout: 1_000 }), TimeoutError);
  assert(world.now - before < 2_000);
});
