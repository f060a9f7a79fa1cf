/**
 * Ten thousand connections that stop half-way, before TLS is done and after: their room is bounded in number and in time,
 * and those who are attached notice nothing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { connect, startGateway } from "../../mod.ts";
import { HANDSHAKE_MS } from "../../src/link/establish.ts";
import { parseTicket } from "../../src/names/mod.ts";
import { denoRuntime } from "../../src/node/runtime.ts";
import { createQuicTransport } from "../../src/transport/quic/mod.ts";
import { PATIENCE_MS, until } from "../conformance/deadline.ts";
import { World } from "../node/world.ts";
import { halfOpenInitial } from "./quic_initial.ts";

const HALF_OPEN = 10_000, UNWELCOMED_MAX = 1_000;

Deno.test("half-open: 10,000 past TLS that say nothing hold 1,000 places for ten seconds, from ten addresses", async () => {
  await using world = new World();
  const gateway = await world.gateway({ limits: { perAddressBurst: 500 } });
  const mesh = await world.edge(gateway.ticket), { publicKey, addresses } = parseTicket(gateway.ticket);
  const transports = Array.from({ length: 10 }, (_, i) => world.network.transport(`flood${i}`));
  const expect = { kind: "key", publicKey } as const, startedAt = world.timers.now();
  let dialled = 0;
  const flood = Array.from({ length: HALF_OPEN }, async (_, i) => {
    await transports[i % 10]!.dial({ address: addresses[0]!, expect }).then(() => dialled++, () => {});
  });
  await world.passing(Promise.all(flood), HANDSHAKE_MS / 2);
  const { refused } = gateway.stats();
  assert.equal(refused.too_busy, HALF_OPEN - UNWELCOMED_MAX, `${dialled} were let into TLS`);
  assert.equal(dialled, UNWELCOMED_MAX);
  assert.equal(typeof await world.passing(mesh.ping(gateway.id)), "number");
  const late = world.edge(gateway.ticket, { timeout: 60_000 }, "late");
  await world.run(startedAt + HANDSHAKE_MS + 5_000 - world.timers.now());
  assert.equal(gateway.stats().refused.handshake_timeout, UNWELCOMED_MAX, "all of them are gone");
  assert.equal((await late).status, "connected");
});

Deno.test("half-open: 10,000 first packets over UDP, from one address, and no second one", async () => {
  // It ends what is half-open, and counts for who is attached, too: longer than a busy machine lets this process wait.
  const limits = { idleTimeoutMs: 10_000, keepAliveMs: 500 };
  const transport = createQuicTransport({ limits }), unwelcomedMax = 100;
  const listen = { hostname: "127.0.0.1", port: 0 };
  const gateway = await startGateway({
    realm: "org.example.test",
    listen,
    limits: { unwelcomedMax },
    runtime: denoRuntime(transport),
  });
  const mesh = await connect(gateway.ticket), lost: string[] = [];
  mesh.addEventListener("statuschange", () => void lost.push(mesh.status));
  const [{ hostname, port } = listen] = parseTicket(gateway.ticket).addresses;
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const refused = (code: string) => gateway.stats().refused[code] ?? 0;
  try {
    for (let sent = 0; sent < HALF_OPEN; sent++) {
      await socket.send(halfOpenInitial(sent), { transport: "udp", hostname, port });
      if (sent % 100 === 99) await mesh.ping(gateway.id, { timeout: PATIENCE_MS });
    }
    // Packets get lost where a machine is busy, so the figures have room; the bound itself has none.
    await until(() => refused("too_busy") > HALF_OPEN / 4, "refusals before TLS");
    await until(() => refused("tls_failed") >= unwelcomedMax, "their end");
    const late = await connect(gateway.ticket, { timeout: PATIENCE_MS });
    assert.equal(late.status, "connected");
    await late.close();
    assert.deepEqual(lost, []);
  } finally {
    socket.close();
    await mesh.close();
    await gateway.close();
    await transport.close();
  }
});
