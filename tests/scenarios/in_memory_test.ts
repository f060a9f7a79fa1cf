/** The scenarios on real gateways and edges in memory, in virtual time. @module */

import type { Gateway, Mesh } from "@macula/mesh";
import { simulateMesh } from "@macula/mesh/testing";
import { type Site, type SiteGateway, testScenarios } from "./scenarios.ts";

async function inMemory(seed: number): Promise<Site> {
  const world = await simulateMesh({ seed, profile: "wifi" }), bootstrap = world.gateways[0]!;
  const join = () => world.startGateway({ bootstrap: [bootstrap.ticket] });
  const gateways = [bootstrap, await join(), await join()] as const, edges: Mesh[] = [];
  for (const to of gateways) edges.push(await world.connect({ to }));
  return {
    gateways: [seen(gateways[0]), seen(gateways[1]), seen(gateways[2])],
    edges: edges as unknown as Site["edges"],
    now: () => world.now,
    until: (what, condition) => world.until(condition, { what }),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

function seen(gateway: Gateway): SiteGateway {
  return { id: gateway.id, healthy: () => Promise.resolve(gateway.status === "connected") };
}

for (const seed of [1, 2, 3]) testScenarios(`in memory, seed ${seed}`, () => inMemory(seed));
