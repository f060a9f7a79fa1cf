/** What the memory network has beyond the contract: virtual time, latency, loss, cuts. @module */

import assert from "node:assert/strict";
import { createIdentity, issueLeaf } from "../../src/identity/mod.ts";
import { issueMemoryLeaf, MemoryNetwork, type MemoryNetworkOptions } from "../../src/transport/memory/mod.ts";
import type { Connection, Transport } from "../../src/transport/transport.ts";
import { next, write } from "../conformance/transport_world.ts";
import { ManualTimers } from "./manual_timers.ts";

const identity = createIdentity(new Uint8Array(32).fill(5));
const expect = { kind: "key", publicKey: identity.publicKey } as const;

async function world(options: Partial<MemoryNetworkOptions> = {}) {
  const timers = new ManualTimers();
  const network = new MemoryNetwork({ timers, ...options });
  const a = network.transport("a"), b = network.transport("b");
  const arrived: Connection[] = [];
  const tls = await issueMemoryLeaf(identity, { realm: "org.example.test", hosts: ["b"], now: timers.now() });
  const listening = { tls, onConnection: (connection: Connection) => void arrived.push(connection) };
  await b.listen({ address: { hostname: "0.0.0.0", port: 9443 }, ...listening });
  const connect = async (from: Transport = a): Promise<[Connection, Connection]> => {
    const dialling = from.dial({ address: { hostname: "b", port: 9443 }, expect });
    await timers.run(200);
    return [await dialling, arrived.at(-1)!];
  };
  return { timers, network, a, b, connect, listening };
}

Deno.test("memory: latency is that of the virtual clock, each way", async () => {
  const { timers, connect } = await world({ latencyMs: (from) => from === "a" ? 30 : 50 });
  const [near, far] = await connect();
  const seenAt: number[] = [];
  const sentAt = timers.now();
  far.receiveDatagram().then(() => {
    seenAt.push(timers.now() - sentAt);
    return far.sendDatagram(Uint8Array.of(2));
  });
  near.receiveDatagram().then(() => seenAt.push(timers.now() - sentAt));
  await near.sendDatagram(Uint8Array.of(1));
  await timers.run(200);
  assert.deepEqual(seenAt, [30, 80]);
});

Deno.test("memory: latency that jumps about keeps the order of a stream", async () => {
  let draw = 0;
  const { timers, connect } = await world({ latencyMs: () => [40, 5, 20, 1][draw++ % 4]! });
  const [near, far] = await connect();
  const sender = await near.openSend();
  const got: number[] = [];
  const reading = (async () => {
    for await (const chunk of await next(far.incomingSend)) got.push(...chunk);
  })();
  for (let i = 0; i < 20; i++) await write(sender, Uint8Array.of(i));
  await sender.close();
  await timers.run(1000);
  await reading;
  assert.deepEqual(got, Array.from({ length: 20 }, (_, i) => i));
});

Deno.test("memory: a cut is silence, then a time-out at both ends; dials run out of time", async () => {
  const { timers, network, a, connect } = await world();
  const [near, far] = await connect();
  network.cut("b", "a");
  const dial = a.dial({ address: { hostname: "b", port: 9443 }, expect, timeoutMs: 3000 });
  const failed = assert.rejects(dial, { code: "unreachable" });
  let isClosed = false;
  near.closed.then(() => isClosed = true);
  await timers.run(14_999);
  await failed;
  assert.equal(isClosed, false);
  await timers.run(1);
  assert.equal((await near.closed).by, "timeout");
  assert.equal((await far.closed).by, "timeout");
  await connectAfterHeal();

  async function connectAfterHeal(): Promise<void> {
    network.heal("a", "b");
    await connect();
  }
});

Deno.test("memory: a cut that heals in time loses nothing of a stream", async () => {
  const { timers, network, connect } = await world();
  const [near, far] = await connect();
  network.cut("a", "b");
  const sender = await near.openSend();
  for (let i = 0; i < 5; i++) await write(sender, Uint8Array.of(i));
  await timers.run(10_000);
  network.heal("a", "b");
  await write(sender, Uint8Array.of(5));
  await sender.close();
  const got: number[] = [];
  for await (const chunk of await next(far.incomingSend)) got.push(...chunk);
  assert.deepEqual(got, [0, 1, 2, 3, 4, 5]);
  await timers.run(60_000);
  assert.equal(timers.outstanding, 0, "nothing ticks while nothing happens");
  await far.sendDatagram(Uint8Array.of(1));
  assert.deepEqual(await near.receiveDatagram(), Uint8Array.of(1));
});

Deno.test("memory: closing loses what is on its way, as in QUIC", async () => {
  const { timers, connect } = await world({ latencyMs: () => 10 });
  const [near, far] = await connect();
  const sender = await near.openSend();
  await write(sender, Uint8Array.of(1));
  near.close(3, "gone");
  let arrivals = 0;
  const counting = (async () => {
    for await (const _ of far.incomingSend) arrivals++;
  })();
  await timers.run(50);
  await counting;
  assert.equal(arrivals, 0);
  assert.deepEqual(await far.closed, { by: "remote", code: 3, text: "gone" });
});

Deno.test("memory: datagrams are lost by the hook, unread ones oldest first", async () => {
  const { connect } = await world({
    datagramMs: (from, to, bytes) => from === "a" && to === "b" && bytes[0] === 7 ? [] : [0],
  });
  const [near, far] = await connect();
  for (const first of [7, 8]) await near.sendDatagram(Uint8Array.of(first));
  assert.deepEqual(await far.receiveDatagram(), Uint8Array.of(8));
  for (let i = 0; i < 1100; i++) await near.sendDatagram(Uint8Array.of(0, i >> 8, i & 0xff));
  assert.deepEqual(await far.receiveDatagram(), Uint8Array.of(0, 0, 1100 - 1024));
});

Deno.test("memory: hosts listen on their own names only, and only with leaves of their kind", async () => {
  const { a, b, listening, timers, connect } = await world();
  for (const hostname of ["a", "localhost", "127.0.0.1", "::"]) {
    const listener = await a.listen({ address: { hostname, port: 0 }, ...listening });
    assert.ok(listener.address.port >= 49_152);
  }
  await assert.rejects(a.listen({ address: { hostname: "b", port: 0 }, ...listening }), {
    code: "address_unavailable",
  });
  const tls = await issueLeaf(identity, { realm: "org.example.test", hosts: [], now: timers.now() });
  await assert.rejects(a.listen({ address: { hostname: "a", port: 0 }, ...listening, tls }), { code: "invalid" });
  const self = await connect(b);
  assert.equal(self[0].remote.hostname, "b");
});

Deno.test("memory: after a one-way cut the deaf end times out first, the other when that has fallen silent", async () => {
  const { timers, network, connect } = await world();
  const [near, far] = await connect();
  const ended: [string, number][] = [], cutAt = timers.now();
  near.closed.then(({ by }) => ended.push([`near ${by}`, timers.now() - cutAt]));
  far.closed.then(({ by }) => ended.push([`far ${by}`, timers.now() - cutAt]));
  network.cutOneWay("a", "b");
  await near.sendDatagram(Uint8Array.of(1));
  await far.sendDatagram(Uint8Array.of(2));
  assert.deepEqual(await near.receiveDatagram(), Uint8Array.of(2));
  await timers.run(60_000);
  assert.deepEqual(ended, [["far timeout", 15_000], ["near timeout", 30_000]]);
});

Deno.test("memory: a cut loses datagrams for good, and keeps what is on a stream", async () => {
  const { timers, network, connect } = await world({ latencyMs: () => 10 });
  const [near, far] = await connect();
  network.cut("a", "b");
  await near.sendDatagram(Uint8Array.of(1));
  const sender = await near.openSend();
  await write(sender, Uint8Array.of(1));
  await timers.run(1_000);
  network.heal("a", "b");
  await near.sendDatagram(Uint8Array.of(2));
  await timers.run(1_000);
  assert.deepEqual(await far.receiveDatagram(), Uint8Array.of(2));
  assert.deepEqual(await next(await next(far.incomingSend)), Uint8Array.of(1));
});

Deno.test("memory: a crash frees the ports at once and is noticed when the connections time out", async () => {
  const { timers, network, b, connect, listening } = await world({ latencyMs: () => 10 });
  const [near, far] = await connect();
  network.crash("b");
  assert.equal((await far.closed).by, "error");
  let by = "";
  near.closed.then((reason) => by = reason.by);
  await timers.run(14_990);
  const again = network.transport("b");
  const listener = await again.listen({ address: { hostname: "b", port: 9443 }, ...listening });
  await b.close(); // what is left of the one that crashed leaves the newcomer's port alone
  await connect();
  assert.equal(by, "timeout");
  await listener.close();
});

Deno.test("memory: who crashes while it dials is never connected", async () => {
  const { timers, network, a, connect, listening } = await world({ latencyMs: () => 10 });
  const [, far] = await connect();
  let arrived = 0;
  await network.transport("c").listen({
    address: { hostname: "c", port: 9443 },
    ...listening,
    onConnection: () => arrived++,
  });
  a.dial({ address: { hostname: "c", port: 9443 }, expect }).catch(() => {});
  await timers.run(15);
  network.crash("a");
  await timers.run(20_000);
  assert.equal(arrived, 0);
  assert.equal((await far.closed).by, "timeout");
});

Deno.test("memory: what was delayed holds up what comes behind it on the same way", async () => {
  let draw = 0;
  const { timers, connect } = await world({ latencyMs: () => draw++ === 2 ? 100 : 10 });
  const [near, far] = await connect();
  const sender = await near.openSend(), sentAt = timers.now(), seen: number[] = [];
  for (let i = 0; i < 3; i++) await write(sender, Uint8Array.of(i));
  const reader = (async () => {
    for await (const _ of await next(far.incomingSend)) seen.push(timers.now() - sentAt);
  })();
  await sender.close();
  await timers.run(500);
  await reader;
  assert.deepEqual(seen, [100, 100, 100]);
});
