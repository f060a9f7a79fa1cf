/** Retained events among many hubs, over links that lose and reorder, in virtual time and from a seed. @module */

import assert from "node:assert/strict";
import { simulate } from "../../src/simulation/mod.ts";

for (const seed of ["1", "2", "3"]) {
  Deno.test(`retained, simulation: at every hub the last of each topic, whoever published it where (seed ${seed})`, () => {
    using simulation = simulate({ seed, nodes: 12, edges: 12, profile: "cellular" });
    const { edges } = simulation, last = new Map<string, number>();
    for (let i = 0; i < 30; i++) {
      const topic = `state.${i % 7}`, edge = edges[(i * 5) % edges.length]!;
      simulation.wait(edge.app.publish(topic, i, { retain: true }));
      last.set(topic, i);
      simulation.run(50); // their clocks agree better than that
    }
    simulation.run(5_000);
    for (const edge of edges.slice(0, 6)) {
      const { events, ready } = edge.app.subscribe("state.*");
      simulation.wait(ready);
      simulation.run(8_000);
      assert.deepEqual(new Map(events.map(({ topic, data }) => [topic, data])), last);
      assert.equal(events.length, last.size, "each once");
    }
  });
}
