/**
 * Where events go when a subscriber stands still: each one is delivered or counted as missed, and the others have them
 * all. Processes over QUIC, one of which is stopped (SIGSTOP) while events are published, and goes on (SIGCONT).
 *
 * @module
 */

import assert from "node:assert/strict";
import { connect, type Mesh, startGateway } from "../../../mod.ts";
import { PATIENCE_MS, until } from "../../conformance/deadline.ts";
import { run } from "../processes.ts";
import { type Counts, LAST, patientRuntime, QUEUE_BYTES, REALM } from "./node_process.ts";

const NODE = "tests/end_to_end/accounting/node_process.ts";
/** Events that are published at once: less than a hub's queue for one subscriber holds. */
const SERIES = 200;

/** Most share a frame with others, some have one of their own, a few go on a stream of their own. */
function body(index: number): Uint8Array {
  return new Uint8Array(index % 40 === 0 ? 100_000 : index % 10 === 5 ? 5_000 : 100);
}

async function dropped(publisher: Mesh): Promise<number> {
  const stats = await publisher.call<{ messages: { dropped: number } }>("_mesh.stats", null, { timeout: PATIENCE_MS });
  return stats.messages.dropped;
}

/** Publishes while one of two subscribers stands still, three times, and compares all counts. */
async function stopAndGo(publisher: Mesh, ticket: string): Promise<void> {
  await using steady = run(NODE, ["subscriber", ticket]);
  await using stopping = run(NODE, ["subscriber", ticket]);
  const [steadyId, stoppingId] = [await steady.line(), await stopping.line()];
  const counts = (id: string) => publisher.call<Counts>(`counts.${id}`, null, { timeout: PATIENCE_MS });
  let published = 0;
  const publishSome = async () => {
    for (let i = 0; i < SERIES; i++, published++) await publisher.publish("load.some", body(i));
    const hadAll = async () => (await counts(steadyId)).received === published;
    await until(hadAll, "the other has had everything");
  };
  for (let round = 0; round < 3; round++) {
    await publishSome();
    const before = await dropped(publisher);
    stopping.kill("SIGSTOP");
    try {
      while (await dropped(publisher) < before + SERIES) await publishSome();
    } finally {
      stopping.kill("SIGCONT");
    }
    await publishSome();
  }
  published++;
  // Of the same topic: it comes behind large ones too.
  const { recipients } = await publisher.publish("load.some", LAST, { qos: 1 });
  assert.equal(recipients, 2, "what is acknowledged is not dropped");
  for (const id of [steadyId, stoppingId]) {
    await until(async () => (await counts(id)).ended, "the last event");
  }
  const [kept, left] = [await counts(steadyId), await counts(stoppingId)];
  assert.deepEqual(kept, { received: published, told: 0, missed: 0, ended: true, lost: 0 });
  assert.deepEqual([left.received + left.missed, left.told, left.lost], [published, left.missed, 0]);
  assert.ok(left.missed >= 3 * SERIES, `${left.missed} missed`);
  assert.equal(await dropped(publisher), left.missed, "the hub has counted the same");
}

const ignore = Deno.build.os === "windows";

Deno.test("a subscriber that is stopped has or misses each event, the other has all: through a gateway", {
  ignore,
}, async () => {
  await using gateway = run(NODE, ["gateway"]);
  const ticket = await gateway.line();
  await using publisher = await connect(ticket, { runtime: patientRuntime(), timeout: PATIENCE_MS });
  await stopAndGo(publisher, ticket);
});

Deno.test("a subscriber that is stopped has or misses each event, the other has all: node to node", {
  ignore,
}, async () => {
  const listen = { hostname: "127.0.0.1", port: 0 }, limits = { queueBytesMax: QUEUE_BYTES };
  await using publisher = await startGateway({ realm: REALM, listen, limits, runtime: patientRuntime() });
  await stopAndGo(publisher, publisher.ticket);
});
