/** A world needs nothing of the machine: no permission, no environment, no real time. @module */

import assert from "node:assert/strict";

const PROGRAM = `
import { simulateMesh } from "@macula/mesh/testing";
await using world = await simulateMesh({ seed: 1, gateways: 2, profile: "cellular" });
const [alice, bob] = [await world.connect(), await world.connect({ to: world.gateways[0] })];
await bob.advertise("add", ({ a, b }) => a + b);
const sum = await alice.call("add", { a: 1, b: 2 });
const info = await alice.call("com.macula.diagnostics.info");
await world.crash(world.gateways[0]);
await world.restart(world.gateways[0]);
await world.until(() => alice.status === "connected");
await world.advance(3_600_000);
console.log(JSON.stringify({ sum, at: info.timestamp, fingerprint: world.fingerprint }));
`;

async function run(environment: Record<string, string>): Promise<{ sum: number; at: number; fingerprint: string }> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", "--config", new URL("../../deno.json", import.meta.url).pathname, "-"],
    env: environment,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(PROGRAM));
  await writer.close();
  const { stdout, stderr } = await process.output(), error = new TextDecoder().decode(stderr);
  assert.equal(error, "");
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("world: it runs without any permission, the same in every process", async () => {
  const [one, two] = await Promise.all([
    run({}),
    run({ MACULA_REALM: "org.example.other", MACULA_BOOTSTRAP_PEERS: "x" }),
  ]);
  assert.equal(one.sum, 3);
  assert.equal(new Date(one.at * 1_000).getUTCFullYear(), 2026, "the gateway's clock is virtual");
  assert.deepEqual(two, one);
});
