/**
 * A whole mesh in a test: real gateways and edges in one process, on a network in memory and a virtual clock. Fifty
 * peers, a partition and a minute of time take a second and no permissions, and the same seed gives the same run.
 *
 * ```ts
 * import { simulateMesh } from "@macula/mesh/testing";
 *
 * await using world = await simulateMesh({ seed: 7, profile: "wifi" });
 * const alice = await world.connect({ name: "alice" }), bob = await world.connect({ name: "bob" });
 *
 * const events = bob.subscribe("room.*");
 * await events.ready;
 * world.partition(bob);
 * await world.until(() => bob.status === "degraded"); // its link has timed out: 15 s, that nobody waits for
 * world.heal();
 * await world.until(() => bob.status === "connected");
 * await alice.publish("room.hall", { text: "hello" }, { acknowledge: true });
 * ```
 *
 * **When time moves.** While something is on its way or an operation of a mesh is open (`call`, `publish`, `ready`,
 * `close`, …) time moves by itself: what you await just happens, also a timeout of 30 s. Otherwise it stands still, however
 * long your test thinks, until you let it pass: `advance(ms)`, `until(condition)`, or `run(body)` around a part of a test
 * that waits for something else, such as an event of a `for await` loop that only a reconnect can bring. What really takes
 * time (a file, a fetch, a hash) goes through `outside(promise)`: time stands still until it is there.
 *
 * **What does not.** `setTimeout`, `Date.now` and `AbortSignal.timeout` are the machine's: an application that wants to
 * be tested like this takes its clock from outside and is given `world.clock`.
 *
 * **Hundreds of nodes.** `simulateMesh` runs whole nodes. For the protocols alone, with hundreds or thousands of nodes in
 * a process, there is `simulate`: no promises, an answer is waited for in virtual time.
 *
 * ```ts
 * import { simulate } from "@macula/mesh/testing";
 * import assert from "node:assert/strict";
 *
 * using simulation = simulate({ seed: "7", nodes: 20, edges: 2, profile: "cellular" });
 * const [alice, bob] = simulation.edges;
 * simulation.wait(alice!.app.serve("math.double", (n: number) => 2 * n));
 * assert.equal(simulation.wait(bob!.app.call("math.double", 21)), 42);
 * ```
 *
 * @module
 */

export type { Timers } from "../base/clock.ts";
export {
  type AnyMessage,
  type Application,
  type CallSettings,
  type Checker,
  type CoreMakers,
  type CoreName,
  type Cores,
  type Delivered,
  type Handler,
  type Host,
  type Pending,
  simulate,
  Simulation,
  SimulationFailure,
  type SimulationOptions,
  standardCheckers,
  type Step,
} from "../simulation/mod.ts";
export { LINK_PROFILES, type LinkProfile, type LinkProfileName, type Quantiles } from "../simulation/link_profile.ts";
export type {
  PartitionOptions,
  PlaceOptions,
  RestartOptions,
  SimulateMeshOptions,
  WaitOptions,
  WorldConnectOptions,
  WorldGatewayOptions,
} from "./options.ts";
export { simulateMesh, type World } from "./world.ts";
