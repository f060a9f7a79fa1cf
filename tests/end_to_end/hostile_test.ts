/** Peers that misbehave on real QUIC: they lose their own connection, and nobody else notices. @module */

import assert from "node:assert/strict";
import { connect, createIdentity, type Gateway, startGateway } from "../../mod.ts";
import { seededRandom } from "../../src/base/random.ts";
import { authorityOf, nodeIdOf, serverNameOf } from "../../src/identity/mod.ts";
import { establish } from "../../src/link/establish.ts";
import { parseTicket } from "../../src/names/mod.ts";
import { systemRandom, systemTimers } from "../../src/node/runtime.ts";
import { createQuicTransport } from "../../src/transport/quic/mod.ts";
import { decodeFrame, FrameReader, type Message } from "../../src/wire/mod.ts";
import { PATIENCE_MS, soon, until } from "../conformance/deadline.ts";

const REALM = "org.example.test";

function start(limits = {}): Promise<Gateway> {
  return startGateway({ realm: REALM, listen: { port: 0 }, limits });
}

/** A bare QUIC connection to a gateway. */
async function dialRaw(gateway: Gateway): Promise<Deno.QuicConn> {
  const { publicKey, addresses } = parseTicket(gateway.ticket), { hostname, port } = addresses[0]!;
  const connection = await Deno.connectQuic({
    hostname,
    port,
    serverName: serverNameOf(nodeIdOf(publicKey)),
    caCerts: [authorityOf(publicKey)],
    alpnProtocols: ["macula"],
  });
  connection.closed.catch(() => {});
  return connection;
}

/** A welcomed connection of which we hold the streams ourselves. */
async function welcomed(gateway: Gateway) {
  const { publicKey, addresses } = parseTicket(gateway.ticket), node = nodeIdOf(publicKey);
  const connection = await createQuicTransport().dial({ address: addresses[0]!, expect: { kind: "key", publicKey } });
  const self = {
    identity: createIdentity(systemRandom().bytes(32)),
    realm: REALM,
    role: "edge" as const,
    endpoint: "",
  };
  const timers = systemTimers(), random = systemRandom(), shared = { self, timers, random, frameBytesMax: 1 << 20 };
  return await establish(connection, { ...shared, expected: node, dialled: node });
}

async function messages(stream: ReadableStream<Uint8Array>): Promise<Message[]> {
  const reader = new FrameReader(), all: Message[] = [];
  try {
    for await (const chunk of stream) {
      reader.push(chunk);
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) all.push(decodeFrame(frame));
    }
  } catch {
    // the connection was closed under us, as expected
  }
  return all;
}

Deno.test("garbage instead of a handshake is refused with a reason", async () => {
  await using gateway = await start();
  const connection = await dialRaw(gateway), stream = await connection.createBidirectionalStream();
  const writer = stream.writable.getWriter();
  await writer.write(seededRandom("garbage").bytes(4_096).fill(1, 0, 2));
  const [answer] = await soon(messages(stream.readable), "an answer");
  assert.equal(answer?.kind, "refused");
  connection.close({ closeCode: 0, reason: "" });
  await until(() => Object.keys(gateway.stats().refused).length > 0, "it is counted");
});

Deno.test("a malformed frame costs its sender the link, with a reason, and nobody else", async () => {
  await using gateway = await start();
  await using other = await connect(gateway.ticket);
  const subscription = other.subscribe("still.*");
  await subscription.ready;
  const { connection, controlWriter: writer, control } = await welcomed(gateway);
  await until(() => gateway.clients().length === 2, "both are attached");
  await writer.write(new Uint8Array([1, 0x10, 0, 0, 0, 0, 0, 1, 0xc1]));
  const answer = decodeFrame((await soon(control.next(), "an error frame"))!);
  assert.equal(answer.kind === "error" && answer.code, "malformed_frame");
  await soon(connection.closed, "the connection ends");
  await until(() => gateway.clients().length === 1, "only the other is attached");
  await other.publish("still.here", 1, { acknowledge: true });
  for await (const event of subscription) {
    assert.equal(event.topic, "still.here");
    break;
  }
});

Deno.test("connections that stall in the handshake fill their own room only", async () => {
  await using gateway = await start({ unwelcomedMax: 20 });
  await using edge = await connect(gateway.ticket);
  const stalled = await Promise.all(Array.from({ length: 20 }, () => dialRaw(gateway)));
  for (const connection of stalled) {
    const { writable } = await connection.createBidirectionalStream();
    await writable.getWriter().write(new Uint8Array([1, 1, 0, 0, 0, 0]));
  }
  const connecting = connect(gateway.ticket, { timeout: PATIENCE_MS });
  await until(() => (gateway.stats().refused["too_busy"] ?? 0) > 0, "there is no room");
  assert.equal(typeof await edge.ping(gateway.id), "number");
  for (const connection of stalled) connection.close({ closeCode: 0, reason: "" });
  await using late = await connecting;
  assert.equal(late.status, "connected");
});

Deno.test("a peer that opens streams and stalls in the middle of frames holds up nobody", async () => {
  await using gateway = await start();
  await using edge = await connect(gateway.ticket);
  const { connection } = await welcomed(gateway);
  for (let i = 0; i < 8; i++) {
    const writer = (await connection.openSend()).getWriter();
    await writer.write(new Uint8Array([1, 0x10, 0, 0, 0, 0x0f, 0xff, 0xff, 0x80]));
  }
  const echo = await edge.call<{ echo: unknown }>("com.macula.diagnostics.echo", { a: 1 });
  assert.deepEqual(echo.echo, { a: 1 });
  connection.close(0, "");
  await until(() => gateway.clients().length === 1, "it is forgotten");
});
