/**
 * The eleven scenarios of the original's integration plan, as one list for every place where a mesh can run: on the
 * network in memory (`in_memory_test.ts`) and as processes over QUIC. A place is a bootstrap, two gateways that were told
 * of it alone, and three edges, one at each of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Mesh, MeshError, NoProviderError, TimeoutError } from "@macula/mesh";

/** A gateway, as far as others see it. */
export interface SiteGateway {
  /** Its node id. */
  readonly id: string;
  /** Whether it says that it is well and ready. */
  healthy(): Promise<boolean>;
}

/** A place where a mesh runs; disposing it ends everything in it. */
export interface Site extends AsyncDisposable {
  /** The bootstrap, then two gateways that joined through it and were told of nobody else. */
  readonly gateways: readonly [bootstrap: SiteGateway, one: SiteGateway, two: SiteGateway];
  /** One edge at each of the gateways, in their order. */
  readonly edges: readonly [atBootstrap: Mesh, atOne: Mesh, atTwo: Mesh];
  /** Resolves once `condition` holds; rejects, saying `what` was waited for, when that takes too long. */
  until(what: string, condition: () => Promise<boolean>): Promise<void>;
  /** Milliseconds as this place counts them. */
  now(): number;
}

/** One scenario; it leaves the site as it was. */
export interface Scenario {
  readonly name: string;
  run(site: Site): Promise<void>;
}

/** Timeout of a call that nobody serves, ms; it ends long before. */
const NOBODY_MS = 60_000;
/** Shortest timeout of a call that is not answered, ms; it must suffice to reach the provider. */
const TIMEOUT_MS = 1_000;

/** The scenarios, in the plan's order. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "the bootstrap is healthy", run: ({ gateways: [bootstrap] }) => isHealthy(bootstrap) },
  {
    name: "the gateways are healthy",
    run: async ({ gateways: [_, one, two] }) => {
      await isHealthy(one);
      await isHealthy(two);
    },
  },
  { name: "the edges are healthy: attached, and answered by their gateways", run: edgesAreHealthy },
  { name: "peers find each other by the hash table", run: peersFindEachOther },
  { name: "a procedure is registered, and known as that of its provider", run: registration },
  { name: "a provider is discovered from another node than the one it registered with", run: discoveryElsewhere },
  { name: "a call over one gateway", run: singleHop },
  { name: "a call over several gateways", run: multiHop },
  { name: "a call that nobody serves fails fast", run: providerNotFound },
  { name: "a call that is not answered times out", run: callTimeout },
  { name: "a call that may not be passed on as often as it needs fails", run: hopLimit },
];

/** Runs them all, one after the other, in a place of that kind. */
export function testScenarios(kind: string, open: () => Promise<Site>): void {
  Deno.test(`scenarios ${kind}`, async (t) => {
    await using site = await open();
    for (const { name, run } of SCENARIOS) await t.step(name, () => run(site));
  });
}

async function isHealthy(gateway: SiteGateway): Promise<void> {
  assert.equal(await gateway.healthy(), true);
}

async function edgesAreHealthy({ edges, gateways }: Site): Promise<void> {
  for (const [i, edge] of edges.entries()) {
    assert.equal(edge.status, "connected");
    assert.deepEqual(edge.links().map(({ node }) => node), [gateways[i]!.id]);
    assert(await edge.ping(gateways[i]!.id) >= 0);
  }
}

/** The second gateway was never told of the first: only the hash table knows where it is. */
async function peersFindEachOther(site: Site): Promise<void> {
  const { edges: [_, atOne, atTwo], gateways: [bootstrap, one, two] } = site;
  await site.until("the gateways to know each other", async () => {
    const reached = [atOne.ping(two.id), atTwo.ping(one.id), atOne.ping(bootstrap.id)];
    return (await Promise.allSettled(reached)).every(({ status }) => status === "fulfilled");
  });
}

async function registration({ edges: [_, atOne] }: Site): Promise<void> {
  await using service = await atOne.advertise("scenario.registered", () => "here", { metadata: { version: 2 } });
  assert.equal(service.procedure, "scenario.registered");
  const [provider, ...others] = await atOne.discover("scenario.registered", { fresh: true });
  assert.deepEqual(others, []);
  assert.equal(provider?.node, atOne.id);
  assert.deepEqual(provider?.metadata, { version: 2 });
}

async function discoveryElsewhere(site: Site): Promise<void> {
  const { edges: [atBootstrap, atOne, atTwo], gateways: [_, one] } = site;
  await using _service = await atOne.advertise("scenario.discovered", () => "here");
  for (const edge of [atTwo, atBootstrap]) {
    const providers = await edge.discover("scenario.discovered", { fresh: true });
    assert.deepEqual(providers.map(({ node, hub }) => ({ node, hub })), [{ node: atOne.id, hub: one.id }]);
  }
}

async function singleHop({ edges: [_, atOne] }: Site): Promise<void> {
  await using _service = await atOne.advertise("scenario.near", (args: number[]) => ({ sum: args[0]! + args[1]! }));
  assert.deepEqual(await atOne.call("scenario.near", [1, 2]), { sum: 3 });
}

async function multiHop({ edges: [_, atOne, atTwo] }: Site): Promise<void> {
  await using _service = await atOne.advertise("scenario.far", (args, { caller }) => ({ args, caller }));
  assert.deepEqual(await atTwo.call("scenario.far", { a: 1 }), { args: { a: 1 }, caller: atTwo.id });
}

async function providerNotFound({ edges: [_, __, atTwo], now }: Site): Promise<void> {
  const before = now();
  await assert.rejects(atTwo.call("scenario.nobody", {}, { timeout: NOBODY_MS }), NoProviderError);
  assert(now() - before < NOBODY_MS / 2, `it took ${now() - before} ms`);
}

async function callTimeout({ edges: [_, atOne, atTwo], now }: Site): Promise<void> {
  const told = Promise.withResolvers<void>();
  let isReached = false;
  await using _service = await atOne.advertise("scenario.silent", (_, { signal }) => {
    isReached = true;
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        told.resolve();
        reject(signal.reason);
      });
    });
  });
  for (let timeout = TIMEOUT_MS; !isReached; timeout *= 4) {
    const before = now();
    await assert.rejects(atTwo.call("scenario.silent", {}, { timeout }), TimeoutError);
    assert(now() - before >= timeout, `it took ${now() - before} ms`);
  }
  await told.promise;
}

/** The provider is one hop from the caller's gateway; none is allowed. */
async function hopLimit({ edges: [_, atOne, atTwo] }: Site): Promise<void> {
  await using _service = await atOne.advertise("scenario.too_far", () => "here");
  const failed = atTwo.call("scenario.too_far", {}, { hops: 0 });
  await assert.rejects(failed, (error) => error instanceof MeshError && error.code === "hop_limit_exceeded");
  assert.equal(await atTwo.call("scenario.too_far", {}, { hops: 1 }), "here");
}
