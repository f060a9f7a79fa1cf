/** The same seed gives the same history: twice here, and on every machine the one that is written down. @module */

import assert from "node:assert/strict";
import { SWARM } from "../../src/simulation/scenarios/swarm.ts";
import { simulate, Simulation } from "../../src/simulation/simulation.ts";
import { GossipCore } from "./gossip.ts";

const swarm = (seed: string) => SWARM.run({ seed, minutes: 0.2, print: () => {} });

Deno.test("the same seed gives the same history of the real cores, and another one another", () => {
  assert.equal(swarm("11"), swarm("11"));
  assert.notEqual(swarm("11"), swarm("12"));
});

Deno.test("every draw counts: one more node changes the history, one less look at it does not", () => {
  const grown = (nodes: number) => {
    using simulation = simulate({ seed: "draws", nodes });
    return simulation.result;
  };
  assert.notEqual(grown(3), grown(4));
  using watched = simulate({ seed: "draws", nodes: 3, checkers: [] });
  assert.equal(watched.result, grown(3));
});

/** All profiles, skew, drift, loss, a partition and a crash: whatever floats could make differ between machines. */
Deno.test("the recorded history of a core that does not change", () => {
  using simulation = new Simulation({
    seed: "recorded",
    profile: ["lan", "wifi", "cellular", "satellite", "lossy"],
    skewMs: 500,
    driftPpm: 200,
    unreliable: true,
    cores: ["dht"],
    fidelity: "objects",
    make: { dht: (_, { index }) => new GossipCore(index) },
  });
  const hubs = simulation.grow(12);
  const cuts = simulation.partition(hubs.slice(0, 4), hubs.slice(4), { oneWay: true });
  simulation.run(20_000);
  simulation.heal(cuts);
  simulation.crash(hubs[5]!);
  simulation.run(20_000);
  simulation.restart(hubs[5]!);
  simulation.run(20_000);
  assert.equal(Math.max(...hubs.map(({ cores }) => (cores.dht as GossipCore).number)), 11);
  assert.equal(simulation.result, "824f327d51db35c46f20d1385cec5dfd");
});
