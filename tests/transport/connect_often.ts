/**
 * A process that opens and closes connections by the hundred, and prints after each round what its memory grew by, in
 * bytes. It has the process for itself, and the collector at hand: `--v8-flags=--expose-gc`. @module
 */

import { issueLeaf } from "../../src/identity/mod.ts";
import { createQuicTransport } from "../../src/transport/quic/mod.ts";
import { openKnownBidi, Site, WORLD_LIMITS } from "../conformance/transport_world.ts";

const ROUNDS = 5, CONNECTIONS_PER_ROUND = 200;

/** Memory grown by in each round, in bytes, of a process of its own. */
export async function growthOfRounds(): Promise<number[]> {
  const flags = ["run", "--unstable-net", "-A", "--v8-flags=--expose-gc"];
  const args = [...flags, import.meta.filename!];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function run(): Promise<number[]> {
  const client = createQuicTransport({ limits: WORLD_LIMITS }), server = createQuicTransport({ limits: WORLD_LIMITS });
  const site = await new Site({ client, server, host: "127.0.0.1", issueLeaf }).open();
  const grown: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = Deno.memoryUsage().rss;
    for (let i = 0; i < CONNECTIONS_PER_ROUND; i++) await connectOnce(site);
    (globalThis as unknown as { gc(): void }).gc();
    grown.push(Deno.memoryUsage().rss - before);
  }
  await Promise.all([client.close(), server.close()]);
  return grown;
}

async function connectOnce(site: Site): Promise<void> {
  const [near, far] = await site.connect();
  await openKnownBidi(near, far);
  near.close(0, "");
  await Promise.all([near.closed, far.closed]);
  site.arrived.length = 0;
}

if (import.meta.main) console.log(JSON.stringify(await run()));
