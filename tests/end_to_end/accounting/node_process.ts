/**
 * A node in a process of its own: `node_process.ts gateway` prints its ticket, `node_process.ts subscriber <ticket>` its
 * id, once it is ready; it tells what it has had as the procedure `counts.<id>`. Neither takes the other for lost before
 * a silence of two minutes: a process that was stopped is still there.
 *
 * @module
 */

import { connect, startGateway } from "../../../mod.ts";
import { denoRuntime } from "../../../src/node/runtime.ts";
import { createQuicTransport } from "../../../src/transport/quic/mod.ts";

/** So long is the queue for one subscriber, bytes. */
export const QUEUE_BYTES = 1 << 20;

/** The realm of these tests. */
export const REALM = "org.example.test";

/** The data of the last event. */
export const LAST = "last";

/** What a subscriber has had. */
export interface Counts {
  readonly received: number;
  /** Of which its events said that they were missed before them. */
  readonly told: number;
  /** What its subscription says. */
  readonly missed: number;
  /** Whether the last one has come. */
  readonly ended: boolean;
  /** Links that it has lost. */
  readonly lost: number;
}

/** The runtime of all nodes. */
export function patientRuntime() {
  return denoRuntime(createQuicTransport({ limits: { idleTimeoutMs: 120_000 } }));
}

async function subscriber(ticket: string): Promise<void> {
  const mesh = await connect(ticket, { runtime: patientRuntime(), timeout: 60_000 });
  const events = mesh.subscribe("load.**", { buffer: 1_000_000 });
  let received = 0, told = 0, ended = false, lost = 0;
  mesh.addEventListener("peerdown", () => void lost++);
  await events.ready;
  await mesh.advertise(`counts.${mesh.id}`, (): Counts => ({ received, told, missed: events.missed, ended, lost }));
  console.log(mesh.id);
  for await (const { data, missed } of events) {
    received++;
    told += missed;
    if (data === LAST) ended = true;
  }
}

if (import.meta.main) {
  const [what, ticket = ""] = Deno.args;
  if (what === "gateway") {
    const listen = { hostname: "127.0.0.1", port: 0 }, limits = { queueBytesMax: QUEUE_BYTES };
    console.log((await startGateway({ realm: REALM, listen, limits, runtime: patientRuntime() })).ticket);
    await new Promise(() => {});
  } else {
    await subscriber(ticket);
  }
}
