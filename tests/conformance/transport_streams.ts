/** The part of the transport suite about streams. @module */

import assert from "node:assert/strict";
import { TRANSPORT_LIMITS } from "../../src/transport/transport.ts";
import { settles, soon, until } from "./deadline.ts";
import { next, openKnownBidi, pattern, readAll, type Tests, write } from "./transport_world.ts";

/** What streams promise. */
export const streamTests: Tests = {
  async "bytes go both ways on one stream, and each direction ends by itself"(site) {
    const [near, far] = await (await site.open()).connect();
    const mine = await near.openBidi();
    await write(mine.writable, pattern(10));
    const theirs = await next(far.incomingBidi);
    assert.deepEqual(await next(theirs.readable), pattern(10));
    await mine.writable.close();
    assert.equal((await readAll(theirs.readable)).length, 0);
    await write(theirs.writable, pattern(20));
    await theirs.writable.close();
    assert.deepEqual(await readAll(mine.readable), pattern(20));
  },

  async "either end opens streams of both kinds"(site) {
    const [near, far] = await (await site.open()).connect();
    for (const [from, to] of [[near, far], [far, near]] as const) {
      const sender = await from.openSend();
      await write(sender, pattern(5));
      await sender.close();
      assert.deepEqual(await readAll(await next(to.incomingSend)), pattern(5));
      await openKnownBidi(from, to);
    }
  },

  async "a stream is seen with its first byte, with its end, or with a later stream"(site) {
    const [near, far] = await (await site.open()).connect();
    const ended = await near.openSend();
    const silent = await near.openSend();
    const spoken = await near.openSend();
    const arrival = next(far.incomingSend);
    assert.equal(await settles(arrival, 100), false);
    await ended.close();
    assert.equal((await readAll(await arrival)).length, 0);
    await write(spoken, Uint8Array.of(7));
    const second = await next(far.incomingSend);
    assert.deepEqual(await next(await next(far.incomingSend)), Uint8Array.of(7), "in the order of opening");
    await write(silent, Uint8Array.of(8));
    assert.deepEqual(await next(second), Uint8Array.of(8));
  },

  async "several MiB arrive intact on several streams at once"(site) {
    const [near, far] = await (await site.open()).connect();
    const sent = pattern(4 << 20);
    const sending = [0, 1, 2].map(async () => {
      const sender = await near.openSend();
      await write(sender, sent);
      await sender.close();
    });
    for (let i = 0; i < 3; i++) {
      const got = await readAll(await next(far.incomingSend));
      assert.ok(got.length === sent.length && got.every((byte, at) => byte === sent[at]));
    }
    await Promise.all(sending);
  },

  async "a buffer may be used again once its write has resolved"(site) {
    const [near, far] = await (await site.open()).connect();
    const sender = await near.openSend();
    const buffer = new Uint8Array(1000);
    for (let i = 0; i < 50; i++) await write(sender, buffer.fill(i));
    await sender.close();
    const got = await readAll(await next(far.incomingSend));
    assert.ok(got.length === 50_000 && got.every((byte, at) => byte === Math.floor(at / 1000)));
  },

  async "a writer waits for a reader that does not read, and goes on when it does"(site) {
    const [near, far] = await (await site.open()).connect();
    const writer = (await near.openSend()).getWriter();
    const chunk = pattern(64 * 1024);
    let written = 0, pending: Promise<void>;
    for (;;) {
      assert.ok(written < 4 << 20, "back-pressure within 4 MiB");
      pending = writer.write(chunk);
      if (!await settles(pending, 300)) break;
      written += chunk.length;
    }
    const closing = pending.then(() => writer.close());
    const got = await readAll(await next(far.incomingSend));
    assert.equal(got.length, written + chunk.length);
    await soon(closing, "the end of a stalled write");
  },

  async "a reader that cancels makes the writer fail"(site) {
    const [near, far] = await (await site.open()).connect();
    for (const [from, to] of [[near, far], [far, near]] as const) {
      const [mine, theirs] = await openKnownBidi(from, to);
      await theirs.readable.cancel();
      const writer = mine.writable.getWriter();
      await until(() => writer.write(pattern(100)).then(() => false, () => true), "a failing write");
      await write(theirs.writable, pattern(3));
      assert.equal((await next(mine.readable)).length, 3, "the other direction lives");
    }
  },

  async "a writer that aborts ends the stream for the reader"(site) {
    const [near, far] = await (await site.open()).connect();
    const [mine, theirs] = await openKnownBidi(near, far);
    await mine.writable.abort();
    const reader = theirs.readable.getReader();
    await soon(reader.read().then(({ done }) => assert.ok(done), () => {}), "the end of the stream");
  },

  async "streams over the peer's limit wait until one is finished"(site) {
    const [near, far] = await (await site.open()).connect();
    const senders = [];
    for (let i = 0; i < TRANSPORT_LIMITS.sendStreamsMax; i++) senders.push(await near.openSend());
    const oneMore = near.openSend();
    assert.equal(await settles(oneMore, 200), false);
    for (const sender of senders.slice(0, 2)) { // quinn tells of new room by eighths of the limit, rounded up
      await sender.close();
      await readAll(await next(far.incomingSend));
    }
    await write(await soon(oneMore, "the stream that waited"), Uint8Array.of(1));

    const bidis = [];
    for (let i = 0; i < TRANSPORT_LIMITS.bidiStreamsMax; i++) bidis.push(await openKnownBidi(near, far));
    const another = near.openBidi();
    assert.equal(await settles(another, 200), false);
    const [mine, theirs] = bidis[0]!;
    await mine.writable.close();
    await readAll(theirs.readable);
    assert.equal(await settles(another, 100), false, "half of it is still open");
    await theirs.writable.close();
    await readAll(mine.readable);
    await soon(another, "the stream that waited");
  },

  async "who dials says how many two-way streams the other end may have open"(site) {
    const [near, far] = await (await site.open()).connect({ bidiStreamsMax: 0 });
    const never = far.openBidi();
    assert.equal(await settles(never, 200), false);
    await openKnownBidi(near, far);
    await write(await soon(far.openSend(), "a stream in one direction"), Uint8Array.of(1));
    await soon(next(near.incomingSend), "its arrival");
    near.close(0, "");
    await assert.rejects(soon(never, "the end"), { code: "closed" });
  },
};
