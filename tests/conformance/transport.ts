/** The transport contract, checked; each implementation runs it. @module */

import assert from "node:assert/strict";
import { authorityOf } from "../../src/identity/mod.ts";
import { type Connection, DialError, TRANSPORT_LIMITS, type TransportLimits } from "../../src/transport/transport.ts";
import { settles, soon, until } from "./deadline.ts";
import { streamTests } from "./transport_streams.ts";
import {
  alice,
  ended,
  mallory,
  openKnownBidi,
  pattern,
  SILENCE_LIMITS,
  Site,
  type Tests,
  type World,
  WORLD_LIMITS,
  write,
} from "./transport_world.ts";

const DAY_MS = 86_400_000;

/** Registers the suite for an implementation; `open` makes a fresh world for each test. */
export function testTransport(name: string, open: (limits: Partial<TransportLimits>) => World): void {
  const test = (tests: Tests, limits: Partial<TransportLimits>) => {
    for (const [title, run] of Object.entries(tests)) Deno.test(`${name}: ${title}`, () => within(open(limits), run));
  };
  test({ ...streamTests, ...connectionTests, ...dialTests, ...listenerTests }, WORLD_LIMITS);
  test(silenceTests, SILENCE_LIMITS);
  Deno.test(`${name}: an idle connection stays open`, async () => {
    // One whose machine stands still is lost like one whose peer has vanished: then it must stay open with ten times the time.
    const isKept = (limits: TransportLimits) => within(open(limits), (site) => staysOpen(site, limits.idleTimeoutMs));
    assert(await isKept({ ...TRANSPORT_LIMITS, ...SILENCE_LIMITS }) || await isKept(TRANSPORT_LIMITS));
  });
}

async function within<T>(world: World, run: (site: Site, world: World) => Promise<T>): Promise<T> {
  try {
    return await run(new Site(world), world);
  } finally {
    await Promise.all([world.client.close(), world.server.close()]);
  }
}

/** Whether a connection over which nothing is sent is open after its idle time. */
async function staysOpen(site: Site, idleTimeoutMs: number): Promise<boolean> {
  const [near, far] = await (await site.open()).connect();
  if (await settles(near.closed, idleTimeoutMs * 4 / 3)) return false;
  await openKnownBidi(near, far);
  return true;
}

const silenceTests: Tests = {
  async "a peer that vanished is noticed, at both ends"(site, world) {
    if (!world.vanish) return;
    const [near, far] = await (await site.open()).connect();
    const [mine] = await openKnownBidi(near, far);
    const reading = mine.readable.getReader().read();
    reading.catch(() => {});
    world.vanish();
    assert.equal((await soon(near.closed, "closed")).by, "timeout");
    assert.equal((await soon(far.closed, "closed")).by, "timeout");
    await assert.rejects(reading);
    await soon(ended(near.incomingBidi), "an end");
  },
};

const connectionTests: Tests = {
  async "close says to both ends who it was, and why"(site) {
    const [near, far] = await (await site.open()).connect();
    const [mine, theirs] = await openKnownBidi(near, far);
    const reading = mine.readable.getReader().read();
    reading.catch(() => {});
    far.close(7, "bye");
    far.close(8, "again");
    assert.deepEqual(await soon(near.closed, "closed"), { by: "remote", code: 7, text: "bye" });
    assert.deepEqual(await soon(far.closed, "closed"), { by: "local", code: 7, text: "bye" });
    await assert.rejects(soon(reading, "a read"));
    await assert.rejects(soon(write(theirs.writable, pattern(1)), "a write"));
    near.close(9, "late");
    assert.equal((await near.closed).code, 7);
  },

  async "a closed connection refuses everything and its arrivals end"(site) {
    const [near, far] = await (await site.open()).connect();
    const waiting = [ended(near.incomingBidi), ended(near.incomingSend)];
    const datagram = near.receiveDatagram();
    far.close(0, "");
    await soon(near.closed, "closed");
    for (const end of waiting) await soon(end, "an end");
    assert.equal(await soon(datagram, "the end of datagrams"), undefined);
    assert.equal(await near.receiveDatagram(), undefined);
    for (const refused of [near.openBidi(), near.openSend(), near.sendDatagram(pattern(1))]) {
      await assert.rejects(refused, { code: "closed" });
    }
  },

  async "whoever waits for a stream is told when the connection ends"(site) {
    const [near, far] = await (await site.open()).connect();
    for (let i = 0; i < TRANSPORT_LIMITS.bidiStreamsMax; i++) await near.openBidi();
    const waiting = near.openBidi();
    waiting.catch(() => {});
    far.close(0, "");
    await assert.rejects(soon(waiting, "the waiting stream"), { code: "closed" });
  },

  async "datagrams arrive whole, and too large ones are rejected"(site) {
    const [near, far] = await (await site.open()).connect();
    assert.ok(near.datagramBytesMax >= 1100);
    for (const [from, to] of [[near, far], [far, near]] as const) {
      for (const size of [1, 100, 1100]) {
        const receiving = to.receiveDatagram();
        await from.sendDatagram(pattern(size));
        assert.deepEqual(await soon(receiving, "a datagram"), pattern(size));
      }
      await assert.rejects(from.sendDatagram(pattern(70_000)), { code: "invalid" });
    }
    await openKnownBidi(near, far);
  },

  async "200 connections at once"(site) {
    await site.open();
    const all = await soon(Promise.all(Array.from({ length: 200 }, () => site.dial())), "200 dials");
    await until(() => site.arrived.length === 200, "200 arrivals");
    for (const connection of all) connection.close(0, "");
    await soon(Promise.all(site.arrived.map((connection) => connection.closed)), "200 ends");
  },
};

const dialTests: Tests = {
  async "where nobody listens a dial is unreachable"(site, world) {
    const { port } = (await site.open()).listener.address;
    await site.listener.close();
    const dial = site.dial({ address: { hostname: world.host, port }, timeoutMs: 300 });
    await assert.rejects(soon(dial, "the failure"), (error) => error instanceof DialError && error.retryable);
    await assert.rejects(dial, { code: "unreachable" });
  },

  async "a host name without an address is said to be unknown"(site) {
    const address = { hostname: `${"a".repeat(64)}.invalid`, port: 1 }; // which no name server needs to be asked about
    await site.open();
    await assert.rejects(site.dial({ address }), { code: "unknown_host", retryable: true });
  },

  async "another key than the expected one is untrusted"(site) {
    await site.open(mallory);
    await assert.rejects(site.dial(), { code: "untrusted", retryable: false });
    assert.equal(site.arrived.length, 0);
    await site.dial({ expect: { kind: "key", publicKey: mallory.publicKey } });
  },

  async "a certificate hash is a proof, another one is none"(site) {
    await site.open();
    const leaf = await site.leaf(alice, { hosts: ["second.example"] });
    await assert.rejects(site.dial({ expect: { kind: "hash", hashes: [leaf.hash] } }), { code: "untrusted" });
    await assert.rejects(site.dial({ expect: { kind: "hash", hashes: [] } }), { code: "untrusted" });
    site.listener.replaceTls(leaf);
    await site.dial({ expect: { kind: "hash", hashes: [new Uint8Array(32), leaf.hash] } });
    await assert.rejects(site.dial({ expect: { kind: "name" } }), { code: "untrusted" }, "one proof is not another");
  },

  async "a host name is proven by a certificate for it from a known authority"(site) {
    await site.open();
    const caCerts = [authorityOf(alice.publicKey)];
    await site.dial({ expect: { kind: "name", caCerts } });
    await assert.rejects(site.dial({ expect: { kind: "name" } }), { code: "untrusted" });
    site.listener.replaceTls(await site.leaf(alice, { hosts: ["elsewhere.example"] }));
    await assert.rejects(site.dial({ expect: { kind: "name", caCerts } }), { code: "untrusted" });
  },

  async "a certificate out of its time says so"(site) {
    await site.open(alice, { now: Date.now() - 40 * DAY_MS });
    const out = { name: "DialError", code: "certificate_not_valid_now", retryable: false },
      time = String.raw`\d{4}-\S+Z`;
    const ended = new RegExp(
      `got one that has ended at ${time}, and the clock here says ${time}; .* check both clocks$`,
    );
    await assert.rejects(site.dial(), { ...out, message: ended });
    site.listener.replaceTls(await site.leaf(alice, { now: Date.now() + 40 * DAY_MS }));
    const early = new RegExp(`got one that only begins at ${time}, and the clock here says ${time}; .* is behind, or`);
    await assert.rejects(site.dial(), { ...out, message: early });
    site.listener.replaceTls(await site.leaf());
    await site.dial();
  },

  async "the caller can give up, before and meanwhile"(site, world) {
    await site.open();
    await assert.rejects(site.dial({ signal: AbortSignal.abort("no") }), { code: "aborted", cause: "no" });
    const { port } = site.listener.address;
    await site.listener.close();
    world.vanish?.();
    const giveUp = new AbortController();
    const dial = site.dial({ address: { hostname: world.host, port }, signal: giveUp.signal, timeoutMs: 60_000 });
    dial.catch(() => {});
    giveUp.abort("enough");
    await assert.rejects(soon(dial, "the failure"), { code: "aborted", cause: "enough" });
  },

  async "a dial ends with its transport"(site, world) {
    await site.open();
    const { port } = site.listener.address;
    await site.listener.close();
    world.vanish?.();
    const dials = Array.from({ length: 40 }, () => {
      const dial = site.dial({ address: { hostname: world.host, port }, timeoutMs: 60_000 });
      dial.catch(() => {});
      return dial;
    });
    await soon(world.client.close(), "close");
    for (const dial of dials) await assert.rejects(soon(dial, "the failure"));
    await assert.rejects(site.dial());
  },
};

const listenerTests: Tests = {
  async "the listener is asked before TLS and may refuse"(site) {
    await site.open();
    site.admits = false;
    await assert.rejects(site.dial(), { code: "refused", retryable: true });
    assert.equal(site.arrived.length, 0);
    site.admits = true;
    await site.connect();
  },

  async "the listener is told of each newcomer that came to nothing in TLS"(site) {
    await site.open();
    await site.connect();
    assert.equal(site.failures, 0);
    const expect = { kind: "key", publicKey: mallory.publicKey } as const;
    for (let i = 1; i <= 2; i++) {
      await assert.rejects(site.dial({ expect }), { code: "untrusted" });
      await until(() => site.failures === i, "it is told");
    }
  },

  async "a closed listener takes nobody, and its connections live on"(site) {
    const [near, far] = await (await site.open()).connect();
    await site.listener.close();
    await site.listener.close();
    await assert.rejects(site.dial({ timeoutMs: 300 }));
    await openKnownBidi(near, far);
    await openKnownBidi(far, near);
    assert.throws(() => site.listener.replaceTls({ cert: "", key: "" }), { code: "closed" });
  },

  async "a port that was given up can be listened on again"(site) {
    const { port } = (await site.open()).listener.address;
    await site.listener.close();
    await site.open(alice, {}, port);
    assert.equal(site.listener.address.port, port);
    await site.connect();
  },

  async "another certificate is for new connections only"(site) {
    const [near, far] = await (await site.open()).connect();
    for (const [now, before] of [[mallory, alice], [alice, mallory], [mallory, alice]] as const) {
      site.listener.replaceTls(await site.leaf(now));
      const connections: Connection[] = [];
      for (let i = 0; i < 5; i++) {
        connections.push(await site.dial({ expect: { kind: "key", publicKey: now.publicKey } }));
      }
      await assert.rejects(site.dial({ expect: { kind: "key", publicKey: before.publicKey } }), { code: "untrusted" });
      for (const connection of connections) connection.close(0, "");
    }
    await openKnownBidi(near, far);
  },

  async "an unusable certificate is refused, and the old one stays"(site, world) {
    await site.open();
    assert.throws(() => site.listener.replaceTls({ cert: "nothing", key: "nothing" }), { code: "invalid" });
    await site.connect();
    const address = { hostname: world.host, port: 0 };
    const tls = { cert: "nothing", key: "nothing" };
    await assert.rejects(world.server.listen({ address, tls, onConnection: () => {} }), { code: "invalid" });
  },

  async "a port in use and an address of nobody are told apart"(site, world) {
    const { port } = (await site.open()).listener.address;
    const other = new Site(world);
    await assert.rejects(other.open(alice, {}, port), (error: Error & { code: string }) => {
      assert.equal(error.code, "address_in_use");
      assert.match(error.message, new RegExp(`:${port}`));
      return true;
    });
    const listen = { tls: await site.leaf(), onConnection: () => {} };
    const nobody = { hostname: "203.0.113.7", port: 0 };
    await assert.rejects(world.server.listen({ address: nobody, ...listen }), { code: "address_unavailable" });
  },

  async "closing a transport ends its connections at both ends"(site, world) {
    const [near, far] = await (await site.open()).connect();
    await soon(world.server.close(), "close");
    await world.server.close();
    assert.equal((await soon(far.closed, "closed")).by, "local");
    assert.equal((await soon(near.closed, "closed")).by, "remote");
    await assert.rejects(new Site(world).open(), { code: "closed" });
  },

  async "a node that listens also dials"(site, world) {
    await site.open();
    const back = await world.client.listen({
      address: { hostname: world.vanish ? "client" : world.host, port: 0 },
      tls: await site.leaf(mallory),
      onConnection: () => {},
    });
    const [near, far] = await site.connect();
    await openKnownBidi(near, far);
    const there = await world.server.dial({
      address: back.address,
      expect: { kind: "key", publicKey: mallory.publicKey },
    });
    assert.equal(there.remote.port, back.address.port);
  },
};
