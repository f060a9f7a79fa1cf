/** Several gateways in a world: they find each other, lose each other and come back. @module */

import assert from "node:assert/strict";
import type { Gateway } from "@macula/mesh";
import { simulateMesh, type World } from "@macula/mesh/testing";

/** Whether each has a link to each. */
function isMeshed(gateways: readonly Gateway[]): boolean {
  return gateways.every((one) => {
    const linked = new Set(one.links().map(({ node }) => node));
    return gateways.every((other) => other === one || linked.has(other.id));
  });
}

async function reach(world: World, edges: number): Promise<void> {
  for (let i = 0; i < edges; i++) {
    const edge = await world.connect({ to: world.gateways[i % world.gateways.length] });
    for (const gateway of world.gateways) assert(await edge.ping(gateway.id) >= 0);
  }
}

Deno.test("gateways of a world join each other, and their edges reach them all", async () => {
  await using world = await simulateMesh({ seed: 5, gateways: 5, profile: "cellular" });
  await world.until(() => isMeshed(world.gateways));
  await reach(world, 10);
});

Deno.test("gateways that start at once each have a place", async () => {
  await using world = await simulateMesh({ gateways: 1 });
  const started = await Promise.all([world.startGateway(), world.startGateway({ name: "third" })]);
  assert.deepEqual(new Set(world.gateways), new Set([world.gateways[0]!, ...started]));
  await world.until(() => isMeshed(world.gateways));
  await started[1].close();
  const again = await world.restart(started[1]);
  assert.deepEqual(new Set(world.gateways), new Set([world.gateways[0]!, started[0], again]));
});

Deno.test("gateways: a split of the mesh heals, and a crashed bootstrap comes back without its state", async () => {
  await using world = await simulateMesh({ seed: 6, gateways: 4 });
  await world.until(() => isMeshed(world.gateways));
  const [one, two, three, four] = world.gateways as readonly [Gateway, Gateway, Gateway, Gateway];
  world.partition([one, two], [three, four]);
  await world.until(() => !isMeshed(world.gateways));
  await world.advance(60_000);
  assert(isMeshed([one, two]) && isMeshed([three, four]));
  assert.equal(three.links().some(({ node }) => node === one.id), false);
  world.heal();
  await world.until(() => isMeshed(world.gateways), { within: 120_000 });
  await world.crash(one);
  await world.advance(60_000);
  const again = await world.restart(one, { state: "lost" });
  assert.equal(again.id, one.id);
  await world.until(() => isMeshed(world.gateways), { within: 120_000 });
  await reach(world, 4);
});

Deno.test("gateways: with the hash table the same seed gives the same run", async () => {
  const run = async () => {
    await using world = await simulateMesh({ seed: 8, gateways: 4, profile: "lossy" });
    await world.until(() => isMeshed(world.gateways), { within: 300_000 });
    await world.connect({ to: world.gateways[3] });
    world.partition(world.gateways[1]!);
    await world.advance(60_000);
    world.heal();
    await world.advance(600_000);
    return { fingerprint: world.fingerprint, events: world.events, now: world.now };
  };
  const first = await run();
  assert(first.events > 500, `got ${first.events}`);
  assert.deepEqual(await run(), first);
});
