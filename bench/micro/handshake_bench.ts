/**
 * A connection until it may be used, both ends in this process: TLS alone, with what any proof inside the connection
 * needs at the least (a stream and two round trips on it), and ours with its proofs. Each is closed, ours in order.
 *
 * @module
 */

import { connect, createIdentity, startGateway } from "../../mod.ts";
import { relayCertificate } from "../system/relay_certificate.ts";

const ALPN = ["bench"], ROUND_TRIPS = 2, MESSAGE_BYTES = 200;
const local = { hostname: "127.0.0.1", port: 0 };
const certificate = await relayCertificate(await Deno.makeTempDir({ prefix: "handshake-bench-" }));
const dialler = new Deno.QuicEndpoint(local), acceptor = new Deno.QuicEndpoint(local);
const identity = createIdentity(new Uint8Array(32).fill(9)), realm = "org.example.bench";
const gateway = await startGateway({ realm, listen: local, identity });

(async () => {
  for await (const incoming of acceptor.listen({ ...certificate, alpnProtocols: ALPN })) echo(incoming).catch(() => {});
})().catch(() => {});

Deno.bench("TLS alone", { group: "handshake" }, async () => {
  (await dial()).close({ closeCode: 0, reason: "" });
});

Deno.bench("TLS, a stream, two round trips", { group: "handshake" }, async () => {
  const connection = await dial(), { readable, writable } = await connection.createBidirectionalStream();
  const writer = writable.getWriter(), reader = readable.getReader(), message = new Uint8Array(MESSAGE_BYTES);
  for (let i = 0; i < ROUND_TRIPS; i++) {
    await writer.write(message);
    for (let got = 0; got < MESSAGE_BYTES;) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`Cannot measure: ${MESSAGE_BYTES} bytes come back, got ${got}`);
      got += value.length;
    }
  }
  connection.close({ closeCode: 0, reason: "" });
});

Deno.bench("ours", { group: "handshake" }, async () => {
  const mesh = await connect(gateway.ticket);
  if (mesh.status !== "connected") throw new Error(`Cannot measure: the edge is connected, got ${mesh.status}`);
  await mesh.close();
});

async function dial(): Promise<Deno.QuicConn> {
  const { port } = acceptor.addr, { cert } = certificate;
  const to = { ...local, port, serverName: "localhost", alpnProtocols: ALPN, caCerts: [cert], endpoint: dialler };
  const connection = await Deno.connectQuic(to);
  connection.closed.catch(() => {});
  return connection;
}

async function echo(incoming: Deno.QuicIncoming): Promise<void> {
  const connection = await incoming.accept();
  connection.closed.catch(() => {});
  for await (const { readable, writable } of connection.incomingBidirectionalStreams) {
    readable.pipeTo(writable).catch(() => {});
  }
}
