/**
 * How to test with hundreds of nodes: the protocols of `@macula/mesh` alone, on a virtual clock, without waiting. Run it
 * with `deno test examples/testing/`; it needs no permission.
 *
 * @module
 */

import { type Checker, simulate, SimulationFailure } from "@macula/mesh/testing";
import assert from "node:assert/strict";

Deno.test("a service is found after a third of 60 hubs have crashed", () => {
  using simulation = simulate({ seed: "7", nodes: 60, edges: 2, profile: ["wifi", "cellular"], fidelity: "objects" });
  const [alice, bob] = simulation.edges;
  simulation.wait(alice!.app.serve("math.double", (n: number) => 2 * n));
  simulation.run(5_000);

  const served = new Set([alice, bob].flatMap((edge) => edge!.tickets)); // their hubs live on
  simulation.crash(...simulation.hubs.filter((hub) => !served.has(hub)).slice(0, 20));
  simulation.run(60_000); // a minute of virtual time
  assert.equal(simulation.wait(bob!.app.call("math.double", 21, { timeoutMs: 30_000 })), 42);
});

Deno.test("a rule of one's own is checked at every step", () => {
  let calls = 0;
  const fewCalls: Checker = {
    name: "few calls",
    step: ({ input }) =>
      input.kind === "received" && input.message.kind === "rpcRequest" && ++calls > 3 ? `${calls} of them` : undefined,
  };
  using simulation = simulate({ seed: "7", nodes: 1, edges: 1, checkers: [fewCalls] });
  const edge = simulation.edges[0]!;
  simulation.wait(simulation.hubs[0]!.app.serve("math.double", (n: number) => 2 * n));
  const call = () => simulation.wait(edge.app.call("math.double", 21));
  assert.deepEqual([call(), call(), call()], [42, 42, 42]);
  assert.throws(call, SimulationFailure);
});
