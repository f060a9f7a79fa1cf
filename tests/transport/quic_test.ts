/** What only the real network can show. @module */

import assert from "node:assert/strict";
import { issueLeaf } from "../../src/identity/mod.ts";
import { createQuicTransport } from "../../src/transport/quic/mod.ts";
import { resolve } from "../../src/transport/quic/resolve.ts";
import { type Connection, type Transport, TRANSPORT_LIMITS } from "../../src/transport/transport.ts";
import { settles, soon, until } from "../conformance/deadline.ts";
import { freeUdpPort } from "../conformance/ports.ts";
import {
  alice,
  ended,
  next,
  openKnownBidi,
  pattern,
  readAll,
  REALM,
  SILENCE_LIMITS,
  Site,
  type World,
  WORLD_LIMITS,
  write,
} from "../conformance/transport_world.ts";
import { growthOfRounds } from "./connect_often.ts";
import { killPeer, startPeer } from "./quic_peer.ts";

const expectAlice = { kind: "key", publicKey: alice.publicKey } as const;

function test(name: string, run: (world: World, site: Site) => Promise<void>, host = "127.0.0.1"): void {
  Deno.test(`quic: ${name}`, async () => {
    const client = createQuicTransport({ limits: WORLD_LIMITS }),
      server = createQuicTransport({ limits: WORLD_LIMITS });
    const world = { client, server, host, issueLeaf };
    try {
      await run(world, new Site(world));
    } finally {
      await Promise.all([client.close(), server.close()]);
    }
  });
}

/** A sandbox may have one family only. */
const hasIpv6 = canListen("::1"), testIpv6: typeof test = (...args) => hasIpv6 && test(...args);

function canListen(hostname: string): boolean {
  try {
    Deno.listen({ hostname, port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

async function dialPeer(client: Transport, port: number): Promise<Connection> {
  return await soon(client.dial({ address: { hostname: "127.0.0.1", port }, expect: expectAlice }), "a dial");
}

test("a killed peer is a timeout after the idle time, restarted or not, and nothing rejects by itself", async ({ client }) => {
  const peer = await startPeer({ port: freeUdpPort(), isImpatient: true });
  const connection = await dialPeer(client, peer.port);
  const stream = await connection.openBidi();
  const sender = await connection.openSend();
  await write(stream.writable, pattern(100));
  await write(sender, pattern(100));
  await next(stream.readable);
  const killedAt = performance.now();
  await killPeer(peer);
  const successor = await startPeer({ port: peer.port });
  try {
    assert.equal(successor.port, peer.port);
    assert.equal((await soon(connection.closed, "closed")).by, "timeout");
    const noticedMs = performance.now() - killedAt;
    assert.ok(noticedMs >= SILENCE_LIMITS.idleTimeoutMs! / 2, `${noticedMs} ms`);
    await assert.rejects(write(stream.writable, pattern(1)));
    await soon(ended(connection.incomingBidi), "an end");
    await openEcho(await dialPeer(client, peer.port));
  } finally {
    await killPeer(successor);
  }
});

test("closing a writer does not wait for the peer: a stopped process acknowledges nothing", async ({ client }) => {
  const peer = await startPeer();
  try {
    const connection = await dialPeer(client, peer.port);
    await openEcho(connection);
    const sender = (await connection.openSend()).getWriter();
    Deno.kill(peer.process.pid, "SIGSTOP");
    await soon(sender.write(pattern(1000)), "a write");
    await soon(sender.close(), "a close");
  } finally {
    Deno.kill(peer.process.pid, "SIGCONT");
    await killPeer(peer);
  }
});

test("a process that closes its transport tells its peers, and ends by itself", async ({ client }) => {
  const peer = await startPeer({ goAfterFirst: true });
  const connection = await dialPeer(client, peer.port);
  await write((await connection.openBidi()).writable, pattern(1));
  assert.equal((await soon(connection.closed, "closed")).by, "remote");
  assert.ok((await soon(peer.process.status, "the end of the process")).success);
  await killPeer(peer);
});

test("garbage on the port harms nobody", async (_world, site) => {
  const [near, far] = await (await site.open()).connect();
  const { port } = site.listener.address;
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const to = { transport: "udp", hostname: "127.0.0.1", port } as const;
  for (let i = 0; i < 2000; i++) {
    const bytes = pattern(1 + i * 37 % 1400);
    bytes[0] = i & 0xff;
    if (i % 3 === 0 && bytes.length > 5) bytes.set([0xc0 | i & 0x3f, 0, 0, 0, 1]); // looks like an Initial of QUIC 1
    await socket.send(bytes, to);
  }
  socket.close();
  await openKnownBidi(near, far);
  await site.connect();
});

test("handshakes that fail harm nobody", async ({ client, host }, site) => {
  await site.open();
  const address = { hostname: host, port: site.listener.address.port };
  const wrong = { kind: "hash", hashes: [new Uint8Array(32)] } as const;
  const failing = Array.from({ length: 50 }, () => client.dial({ address, expect: wrong }));
  const good = site.dial();
  for (const dial of failing) await assert.rejects(dial, { code: "untrusted" });
  await good;
});

Deno.test("quic: connections one after the other leave nothing behind", async () => {
  // 200 leaked ones hold 40 MiB, in each round; what allocators keep for themselves comes in the first ones only.
  const grownMiB = (await growthOfRounds()).map((grown) => Math.round(grown / 1048576));
  assert.ok(Math.min(...grownMiB) < 15, `grown by ${grownMiB.join(", ")} MiB`);
});

test("a client cannot open more streams than it may", async (_world, site) => {
  await site.open();
  const raw = await Deno.connectQuic({
    hostname: "127.0.0.1",
    port: site.listener.address.port,
    alpnProtocols: ["macula"],
    // deno-lint-ignore no-explicit-any
    ...{ serverCertificateHashes: [{ algorithm: "sha-256", value: (await leafInUse(site)).hash }] } as any,
  });
  raw.closed.catch(() => {});
  for (
    const [create, max] of [
      [() => raw.createBidirectionalStream(), TRANSPORT_LIMITS.bidiStreamsMax],
      [() => raw.createUnidirectionalStream(), TRANSPORT_LIMITS.sendStreamsMax],
    ] as const
  ) {
    for (let i = 0; i < max; i++) await create();
    await assert.rejects(create(), RangeError);
  }
  raw.close();
});

test("a stream is one of bytes: who reads it says into how much memory", async (_world, site) => {
  const [near, far] = await (await site.open()).connect();
  const [{ writable }, { readable }] = await openKnownBidi(near, far);
  await write(writable, pattern(100));
  const { value } = await soon(readable.getReader({ mode: "byob" }).read(new Uint8Array(200)), "a chunk");
  assert.deepEqual([value!.length, value!.buffer.byteLength], [100, 200]);
});

test("a host name leads to whichever of its addresses listens", async ({ client, server }) => {
  for (const hostname of await resolve({ hostname: "localhost", port: 0 })) {
    if (hostname.includes(":") && !hasIpv6) continue;
    const listener = await server.listen({
      address: { hostname, port: 0 },
      tls: await issueLeaf(alice, { realm: REALM, hosts: [], now: Date.now() }),
      onConnection: () => {},
    });
    const address = { hostname: "localhost", port: listener.address.port };
    const connection = await client.dial({ address, expect: expectAlice });
    assert.equal(connection.remote.hostname, hostname);
    connection.close(0, "");
    await listener.close();
  }
});

testIpv6("one endpoint on :: listens on and dials both families, on one port", async ({ client, server }) => {
  const seen: Connection[] = [];
  const tls = await issueLeaf(alice, { realm: REALM, hosts: [], now: Date.now() });
  const onConnection = (connection: Connection) => void seen.push(connection);
  const any = await server.listen({ address: { hostname: "::", port: 0 }, tls, onConnection });
  const theirs = await client.listen({ address: { hostname: "::", port: 0 }, tls, onConnection });
  for (const hostname of ["127.0.0.1", "::1"]) {
    const there = await client.dial({ address: { hostname, port: any.address.port }, expect: expectAlice });
    await until(() => seen.length === 1, "an arrival");
    assert.deepEqual(seen.pop()!.remote, { hostname, port: theirs.address.port });
    assert.deepEqual(there.remote, { hostname, port: any.address.port });
  }
});

test(
  "dials in flight are bounded, and a dead host holds up nobody else for longer than its time",
  async ({ client, host }, site) => {
    await site.open();
    const dead = { hostname: host, port: 9 };
    const dying = Array.from({ length: 40 }, () => client.dial({ address: dead, expect: expectAlice, timeoutMs: 200 }));
    const failed = Promise.all(dying.map((dial) => assert.rejects(dial, { code: "unreachable" })));
    await soon(site.dial(), "a dial behind dead ones");
    await soon(failed, "40 failures");
  },
);

Deno.test("quic: without Deno.QuicEndpoint the cure is named", async () => {
  const output = await runWith(
    [],
    `
    const transport = createQuicTransport();
    const address = { hostname: "127.0.0.1", port: 0 }, expect = { kind: "hash", hashes: [] };
    await transport.dial({ address, expect }).catch((error) => console.log(error.code, error.message));
    await transport.listen({ address, tls: {}, onConnection() {} }).catch((error) => console.log(error.code));
    await transport.close();`,
  );
  assert.match(output, /^quic_missing .*--unstable-net, or put "unstable": \["net"\] in deno\.json\nquic_missing\n$/);
});

Deno.test("quic: without permission the flag is named; a permission for one peer suffices to dial it", async () => {
  const peer = await startPeer();
  const script = `
    const transport = createQuicTransport();
    const expect = { kind: "key", publicKey: Uint8Array.fromHex("${alice.publicKey.toHex()}") };
    const listen = { address: { hostname: "127.0.0.1", port: 7777 }, tls: {}, onConnection() {} };
    await transport.listen(listen).catch((error) => console.log(error.code, error.message));
    const address = { hostname: "127.0.0.1", port: ${peer.port} };
    await transport.dial({ address, expect }).then(() => console.log("dialled"), (error) => console.log(error.code));
    await transport.close();`;
  try {
    const none = await runWith(["--unstable-net"], script);
    assert.match(none, /^permission_denied .*--allow-net=127\.0\.0\.1:7777\npermission_denied\n$/);
    const one = await runWith(["--unstable-net", `--allow-net=127.0.0.1:${peer.port}`], script);
    assert.match(one, /^permission_denied .*\ndialled\n$/);
  } finally {
    await killPeer(peer);
  }
});

Deno.test("quic: the certificates that a port has shown are bounded; the one in use again is none more", async () => {
  const transport = createQuicTransport({ limits: { certificatesMax: 3 } }), client = createQuicTransport();
  const issue = () => issueLeaf(alice, { realm: REALM, hosts: [], now: Date.now() });
  const listener = await transport.listen({
    address: { hostname: "127.0.0.1", port: 0 },
    tls: await issue(),
    onConnection: () => {},
  });
  const second = await issue(), third = await issue();
  for (let i = 0; i < 10; i++) listener.replaceTls(second);
  listener.replaceTls(third);
  assert.throws(() => listener.replaceTls(second), {
    code: "too_many_certificates",
    message: "Cannot replace a certificate: a port shows at most 3 until its process is started again",
  });
  const expect = { kind: "hash", hashes: [third.hash] } as const;
  await (await soon(client.dial({ address: listener.address, expect }), "a dial")).close(0, "done");
  await Promise.all([transport.close(), client.close()]);
});

/** Runs a script with these flags in a process of its own, and gives its output. */
async function runWith(flags: readonly string[], script: string): Promise<string> {
  const mod = new URL("../../src/transport/quic/mod.ts", import.meta.url);
  const config = await Deno.makeTempFile({ suffix: ".json" });
  const main = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(config, "{}");
  await Deno.writeTextFile(main, `import { createQuicTransport } from "${mod}";\n${script}`);
  const args = ["run", "--no-prompt", "--no-check", "--no-lock", "--config", config, ...flags, main];
  const { stdout, stderr } = await soon(new Deno.Command(Deno.execPath(), { args }).output(), "the end");
  await Promise.all([Deno.remove(config), Deno.remove(main)]);
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

async function leafInUse(site: Site): Promise<{ hash: Uint8Array }> {
  const leaf = await site.leaf();
  site.listener.replaceTls(leaf);
  return leaf;
}

async function openEcho(connection: Connection): Promise<void> {
  const { readable, writable } = await connection.openBidi();
  await write(writable, pattern(10));
  await writable.close();
  assert.deepEqual(await readAll(readable), pattern(10));
  assert.equal(await settles(connection.closed, 1), false);
}
