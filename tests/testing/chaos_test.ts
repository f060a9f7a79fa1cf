/**
 * Accidents drawn from a seed: nodes crash and come back, ways are cut and heal, some are slow. Afterwards everything is as
 * it should be: every edge attached, every subscription and procedure known again, nothing left open.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Gateway, Mesh } from "@macula/mesh";
import { type LinkProfileName, simulateMesh, type World } from "@macula/mesh/testing";
import { type Random, randomInteger, seededRandom } from "../../src/base/random.ts";

const GATEWAYS = 3, EDGES = 9, ACCIDENTS = 25;
/** Records that were lost are stated anew within half of their life of 300 s, and a lookup may fail once or twice. */
const FOUND_MS = 200_000;
const PROFILES: readonly LinkProfileName[] = ["lan", "wifi", "cellular", "satellite", "lossy"];

/** An application on an edge: it hears what is said at its gateway, and echoes. It is set up again after a crash. */
class Echo {
  readonly heard: unknown[] = [];
  mesh: Mesh;

  constructor(mesh: Mesh) {
    this.mesh = mesh;
  }

  async start(): Promise<void> {
    const events = this.mesh.subscribe("chaos.*");
    (async () => {
      for await (const { data } of events) this.heard.push(data);
    })();
    await Promise.all([events.ready, this.mesh.advertise(`echo.e${this.mesh.id.slice(0, 8)}`, (args) => args)]);
  }
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[randomInteger(random, list.length)]!;
}

async function accident(world: World, echoes: readonly Echo[], random: Random): Promise<void> {
  const echo = pick(random, echoes), gateway = randomInteger(random, GATEWAYS);
  switch (randomInteger(random, 8)) {
    case 0:
      await world.crash(echo.mesh);
      echo.mesh = await world.run(() => comeBack(world, echo.mesh));
      return void echo.start().catch(() => {});
    case 1: {
      await world.crash(world.gateways[gateway]!);
      await world.advance(randomInteger(random, 40_000));
      await world.restart(world.gateways[gateway]!, { state: random.number() < 0.5 ? "kept" : "lost" });
      return;
    }
    case 2:
      return world.partition(echo.mesh, undefined, { oneWay: random.number() < 0.5 });
    case 3:
      return world.partition(world.gateways[gateway]!, world.gateways[(gateway + 1) % GATEWAYS]);
    case 4:
      return world.heal();
    case 5:
      return world.slow(pick(random, [echo.mesh, world.gateways[gateway]!]), randomInteger(random, 3_000));
    default:
      echo.mesh.publish("chaos.meanwhile", "noise", { acknowledge: random.number() < 0.5 }).catch(() => {});
  }
}

/** As an operator would: again and again. */
async function comeBack(world: World, node: Mesh): Promise<Mesh> {
  for (;;) {
    try {
      return await world.restart(node);
    } catch {
      world.heal();
      for (const one of [node, ...world.gateways]) world.slow(one, 0);
      await world.advance(5_000);
    }
  }
}

async function settle(world: World, echoes: readonly Echo[]): Promise<void> {
  world.heal();
  for (const node of [...world.gateways, ...echoes.map(({ mesh }) => mesh)]) world.slow(node, 0);
  const within = 180_000;
  await world.until(() => echoes.every(({ mesh }) => mesh.status === "connected"), { within });
  await world.until(() => world.gateways.every((one) => world.gateways.every((other) => isLinked(one, other))), {
    within,
  });
  await world.advance(60_000);
}

function isLinked(one: Gateway, other: Gateway): boolean {
  return one === other || one.links().some(({ node }) => node === other.id);
}

async function checkEverything(world: World, echoes: readonly Echo[]): Promise<void> {
  for (const gateway of world.gateways) {
    const home = echoes.filter(({ mesh }) => mesh.links()[0]!.node === gateway.id);
    assert.equal(gateway.clients().length, home.length, "no link of the dead is left");
    for (const { mesh } of home) {
      for (const other of home) other.heard.length = 0;
      await mesh.publish("chaos.check", mesh.id, { acknowledge: true });
      const seen = () => home.every(({ heard }) => heard.includes(mesh.id));
      await world.until(seen, { what: `all edges of ${gateway.id} to hear` });
      // What was said at another gateway before may still be on its way.
      for (const { heard } of home) assert.deepEqual(heard.filter((one) => one === mesh.id), [mesh.id], "once");
    }
  }
  for (const { mesh } of echoes) {
    for (const other of echoes) {
      const name = `echo.e${other.mesh.id.slice(0, 8)}`, isHome = mesh.links()[0]!.node === other.mesh.links()[0]!.node;
      // Three losses in a row are rare, and take longer than a call usually waits.
      const answered = () => mesh.call(name, 7, { timeout: 60_000 }).then((answer) => answer === 7);
      if (isHome) assert(await answered());
      else await world.until(() => answered().catch(() => false), { what: `an answer of ${name}`, within: FOUND_MS });
    }
  }
}

async function chaos(seed: number): Promise<{ fingerprint: string; events: number }> {
  const random = seededRandom(`chaos ${seed}`), profile = pick(random, PROFILES);
  await using world = await simulateMesh({ seed, gateways: GATEWAYS, profile });
  const echoes: Echo[] = [];
  for (let i = 0; i < EDGES; i++) {
    echoes.push(new Echo(await world.connect({ to: world.gateways[i % GATEWAYS], timeout: 60_000 })));
    await echoes[i]!.start();
  }
  for (let i = 0; i < ACCIDENTS; i++) {
    await accident(world, echoes, random);
    await world.advance(randomInteger(random, 20_000));
  }
  await settle(world, echoes);
  await checkEverything(world, echoes);
  for (const { mesh } of echoes) assert.equal(mesh.stats().pendingCalls, 0);
  return { fingerprint: world.fingerprint, events: world.events };
}

for (const seed of seeds()) {
  Deno.test(`chaos: everything is as it should be after accidents, seed ${seed}`, async () => void await chaos(seed));
}

/** A few; `CHAOS_SEEDS=100` for a hunt. */
function seeds(): number[] {
  return Array.from({ length: Number(Deno.env.get("CHAOS_SEEDS") ?? 4) }, (_, i) => i + 1);
}
