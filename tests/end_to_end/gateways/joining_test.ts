/** Gateways as processes of their own, over QUIC: they join, and one that is killed comes back. @module */

import assert from "node:assert/strict";
import { connect, type Mesh, type Stats } from "../../../mod.ts";
import type { RecordsFound } from "../../../src/dht/messages.ts";
import { recordKey, signRecord } from "../../../src/identity/mod.ts";
import { parseProcedure, parseRealm } from "../../../src/names/mod.ts";
import { until } from "../../conformance/deadline.ts";
import { TestGateway } from "../program.ts";

/** How many other gateways that of a mesh handle knows. */
async function known(mesh: Mesh): Promise<number | undefined> {
  return (await mesh.call<Stats>("_mesh.stats")).routingTable;
}

Deno.test("two gateways join over QUIC; what is stored through one is found through the other, and after a kill -9", async () => {
  await using first = await TestGateway.start();
  await using second = await TestGateway.start(["--bootstrap", first.ticket]);
  await using a = await connect(first.ticket);
  await using b = await connect(second.ticket);
  await until(async () => await known(a) === 1 && await known(b) === 1, "both know each other");
  const { code, stdout, stderr } = await second.run(["stats"]);
  assert.deepEqual([code, JSON.parse(stdout).routingTable], [0, 1], stderr);

  const realm = parseRealm(a.realm), procedure = parseProcedure("math.add"), now = Date.now();
  const head = { realm, sequence: now, expiresAt: now + 300_000 };
  const record = signRecord(a["self"].identity, { kind: "provider", ...head, procedure });
  await a["node"].dht({ type: "publish", record }).answer;
  const find = async () => {
    const asked = b["node"].dht<RecordsFound>({ type: "findValue", key: recordKey(realm, "provider", procedure) });
    return (await asked.answer.catch(() => undefined))?.records.map(({ node }) => node) ?? [];
  };
  assert.deepEqual(await find(), [a.id]);

  first.program.kill("SIGKILL");
  await first.program.ended;
  assert.deepEqual(await find(), [a.id], "the other one holds it too");
  assert.equal(b.status, "connected");
});
