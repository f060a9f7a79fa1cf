/** A node in a process of its own, for tests that stop or kill it: echoes every stream, prints its port. @module */

import { issueLeaf } from "../../src/identity/mod.ts";
import { createQuicTransport } from "../../src/transport/quic/mod.ts";
import type { BidiStream } from "../../src/transport/transport.ts";
import { soon } from "../conformance/deadline.ts";
import { alice, REALM, SILENCE_LIMITS, WORLD_LIMITS } from "../conformance/transport_world.ts";

const HOSTNAME = "127.0.0.1";

/** A running peer process. */
export interface Peer {
  readonly port: number;
  readonly process: Deno.ChildProcess;
}

/** Options of a peer. */
export interface PeerOptions {
  readonly port?: number;
  /** It closes its transport at its first stream and then ends by itself. */
  readonly goAfterFirst?: boolean;
  /** Its idle time, which counts at both ends, is that of `SILENCE_LIMITS`. */
  readonly isImpatient?: boolean;
}

/** Starts a peer. */
export async function startPeer(options: PeerOptions = {}): Promise<Peer> {
  const args = ["run", "--unstable-net", "-A", import.meta.filename!, JSON.stringify(options)];
  const process = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit" }).spawn();
  const reader = process.stdout.getReader();
  const { value } = await soon(reader.read(), "the port of a peer");
  reader.releaseLock();
  return { port: Number(new TextDecoder().decode(value)), process };
}

/** Ends a peer at once. */
export async function killPeer({ process }: Peer): Promise<void> {
  try {
    process.kill("SIGKILL");
  } catch { /* it has ended by itself */ }
  await soon(process.status, "the end of a peer");
  await process.stdout.cancel();
}

async function run({ port = 0, goAfterFirst, isImpatient }: PeerOptions): Promise<void> {
  const transport = createQuicTransport({ limits: isImpatient ? SILENCE_LIMITS : WORLD_LIMITS });
  const listener = await transport.listen({
    address: { hostname: HOSTNAME, port },
    tls: await issueLeaf(alice, { realm: REALM, hosts: [HOSTNAME], now: Date.now() }),
    onConnection: (connection) => void echoAll(connection.incomingBidi).catch(() => {}),
  });
  await Deno.stdout.write(new TextEncoder().encode(`${listener.address.port}\n`));

  async function echoAll(streams: ReadableStream<BidiStream>): Promise<void> {
    for await (const { readable, writable } of streams) {
      if (goAfterFirst) return await transport.close();
      readable.pipeTo(writable).catch(() => {});
    }
  }
}

if (import.meta.main) await run(JSON.parse(Deno.args[0]!));
