/**
 * The eleven scenarios of the original's integration plan: a bootstrap, two gateways that were told of it alone, and an
 * edge at each. `tests/scenarios/` runs the same with whole nodes.
 *
 * @module
 */

import { recordKey } from "../../identity/mod.ts";
import type { Host } from "../nodes/host.ts";
import { REALM } from "../nodes/mint.ts";
import type { Simulation } from "../simulation.ts";
import { begin, must, type Scenario, type ScenarioOptions } from "./scenario.ts";

interface Site {
  readonly simulation: Simulation;
  readonly gateways: readonly [bootstrap: Host, one: Host, two: Host];
  readonly edges: readonly [atBootstrap: Host, atOne: Host, atTwo: Host];
}

/** A call that nobody serves is answered far sooner than it times out. */
const FAST_MS = 4_000, TIMEOUT_MS = 1_000;

function open(options: ScenarioOptions): Site {
  const simulation = begin(options, { nodes: 3, edges: 3 });
  const bootstrap = simulation.add("hub", []);
  simulation.run(1_000);
  const one = simulation.add("hub", [bootstrap]), two = simulation.add("hub", [bootstrap]);
  simulation.run(5_000);
  const gateways = [bootstrap, one, two] as const;
  const [atBootstrap, atOne, atTwo] = gateways.map((gateway) => simulation.add("edge", [gateway]));
  simulation.run(5_000);
  return { simulation, gateways, edges: [atBootstrap!, atOne!, atTwo!] };
}

function scenario(name: string, about: string, course: (site: Site) => void): Scenario {
  return {
    name,
    about,
    run(options) {
      const site = open(options);
      course(site);
      options.print(`${name}: as planned after ${(site.simulation.elapsedMs / 1_000).toFixed(1)} s of virtual time`);
      return site.simulation.result;
    },
  };
}

/** Whether a node has so many links up. */
function isLinked({ links: { ends } }: Host, to: Host): boolean {
  for (const { isUp, other } of ends.values()) if (isUp && other.host === to) return true;
  return false;
}

/** In the plan's order. */
export const PLAN: readonly Scenario[] = [
  scenario("bootstrap-healthy", "the bootstrap lives and knows both gateways", ({ simulation, gateways }) => {
    const [bootstrap, ...others] = gateways,
      { nodes } = simulation.wait(bootstrap.app.nodes(bootstrap.signer.nodeBytes));
    must(simulation, others.every(({ signer }) => nodes.some(({ node }) => node === signer.node)), "both are known");
  }),
  scenario("gateways-healthy", "both gateways live and know the bootstrap", ({ simulation, gateways }) => {
    const [bootstrap, ...others] = gateways;
    for (const { app } of others) {
      const { nodes } = simulation.wait(app.nodes(bootstrap.signer.nodeBytes));
      must(simulation, nodes[0]?.node === bootstrap.signer.node, "a gateway knows the bootstrap");
    }
  }),
  scenario("edges-healthy", "each edge has a link to its gateway and is served", ({ simulation, gateways, edges }) => {
    for (const [i, edge] of edges.entries()) {
      must(simulation, isLinked(edge, gateways[i]!) && edge.links.ends.size === 1, `edge ${i} is attached`);
      const { events, ready } = edge.app.subscribe(`own.${i}`);
      simulation.wait(ready);
      must(simulation, simulation.wait(edge.app.publish(`own.${i}`, i)).recipients === 1, "one recipient");
      simulation.run(1_000);
      must(simulation, events.length === 1 && events[0]!.data === i, "the edge gets its own event");
    }
  }),
  scenario("peer-discovery", "gateways that were not told of each other are found", ({ simulation, gateways }) => {
    const [_, one, two] = gateways;
    for (const [from, to] of [[one, two], [two, one]] as const) {
      const { nodes } = simulation.wait(from.app.nodes(to.signer.nodeBytes));
      must(simulation, nodes[0]?.node === to.signer.node, "the other gateway is found");
    }
  }),
  scenario("registration", "a procedure is served, and recorded as its hub's", ({ simulation, gateways, edges }) => {
    simulation.wait(edges[1].app.serve("plan.registered", () => "here"));
    simulation.run(2_000);
    mustFind(simulation, gateways[1], gateways[1], "plan.registered");
  }),
  scenario("discovery-elsewhere", "a provider is found from other nodes", ({ simulation, gateways, edges }) => {
    simulation.wait(edges[1].app.serve("plan.discovered", () => "here"));
    simulation.run(2_000);
    for (const from of [edges[2], edges[0], gateways[0], gateways[2]]) {
      mustFind(simulation, from, gateways[1], "plan.discovered");
    }
  }),
  scenario("single-hop-call", "a call over one gateway", ({ simulation, edges: [_, atOne] }) => {
    simulation.wait(atOne.app.serve("plan.near", ([a, b]: [number, number]) => ({ sum: a + b })));
    const { sum } = simulation.wait(atOne.app.call("plan.near", [1, 2])) as { sum: number };
    must(simulation, sum === 3, "the sum is 3");
  }),
  scenario("multi-hop-call", "a call over several gateways", ({ simulation, edges: [_, atOne, atTwo] }) => {
    simulation.wait(atOne.app.serve("plan.far", (n: number) => 2 * n));
    must(simulation, simulation.wait(atTwo.app.call("plan.far", 21)) === 42, "the answer is 42");
  }),
  scenario("provider-not-found", "a call that nobody serves fails fast", ({ simulation, edges: [_, __, atTwo] }) => {
    const pending = atTwo.app.call("plan.nobody", {}, { timeoutMs: 60_000 }), outcome = simulation.outcomeOf(pending);
    must(simulation, "error" in outcome && outcome.error.code === "no_provider", "it fails with no_provider");
    must(simulation, pending.answeredAt! - pending.askedAt < FAST_MS, `it fails within ${FAST_MS} ms`);
  }),
  scenario("call-timeout", "a call that is not answered times out", ({ simulation, edges: [_, atOne, atTwo] }) => {
    simulation.wait(atOne.app.serve("plan.silent", () => "late", { takesMs: 60_000 }));
    const pending = atTwo.app.call("plan.silent", {}, { timeoutMs: TIMEOUT_MS });
    const outcome = simulation.outcomeOf(pending), tookMs = pending.answeredAt! - pending.askedAt;
    must(simulation, "error" in outcome && outcome.error.code === "timeout", "it fails with timeout");
    must(simulation, tookMs >= TIMEOUT_MS && tookMs < 2 * TIMEOUT_MS, `it takes ${TIMEOUT_MS} ms, got ${tookMs}`);
  }),
  scenario(
    "hop-limit",
    "a call that may not be passed on far enough fails",
    ({ simulation, edges: [_, atOne, atTwo] }) => {
      simulation.wait(atOne.app.serve("plan.too_far", () => "here"));
      const outcome = simulation.outcomeOf(atTwo.app.call("plan.too_far", {}, { hops: 0 }));
      must(simulation, "error" in outcome && outcome.error.code === "hop_limit_exceeded", "no hop is not enough");
      must(simulation, simulation.wait(atTwo.app.call("plan.too_far", {}, { hops: 1 })) === "here", "one hop is");
    },
  ),
];

function mustFind(simulation: Simulation, from: Host, hub: Host, procedure: string): void {
  const { records } = simulation.wait(from.app.providers(procedure)), [record, ...others] = records;
  must(simulation, record?.node === hub.signer.node && others.length === 0, `node ${from.index} finds ${procedure}`);
  must(simulation, record.key.toHex() === recordKey(REALM, "provider", procedure).toHex(), "it is under its key");
}
