/** What waits for large frames. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { utf8 } from "../../src/base/bytes.ts";
import { HELD_BYTES_MAX, HeldFrames, orderKey, OUTSTANDING_MAX } from "../../src/link/held_frames.ts";
import { encodeFrame, MalformedFrame } from "../../src/wire/mod.ts";
import { Ear, event, linkOver } from "./pair.ts";
import { World } from "./world.ts";

const frame = (byte: number, length = 10) => new Uint8Array(length).fill(byte);
const KEY = utf8("key"), NO_ORDER = new Uint8Array(0);

function bytes(frames: readonly Uint8Array[]): number[] {
  return frames.map(([first]) => first!);
}

Deno.test("held frames: later ones of the key wait, others do not", () => {
  const held = new HeldFrames();
  assert.equal(held.hold("key", frame(0)), false);
  held.announce(1, KEY);
  assert.equal(held.hold("other", frame(0)), false);
  assert.equal(held.hold(undefined, frame(0)), false);
  assert.equal(held.hold("key", frame(2)), true);
  assert.deepEqual([held.bytes, held.empty], [10, false]);
  assert.deepEqual(bytes(held.arrived(1, frame(1, 100))), [1, 2]);
  assert.deepEqual([held.bytes, held.empty], [0, true]);
  assert.equal(held.hold("key", frame(3)), false);
});

Deno.test("held frames: a large one that comes before its turn waits, and counts", () => {
  const held = new HeldFrames();
  held.announce(1, KEY);
  held.announce(2, KEY);
  held.hold("key", frame(3));
  assert.deepEqual(held.arrived(2, frame(2, 100)), []);
  assert.equal(held.bytes, 110);
  assert.deepEqual(bytes(held.arrived(1, frame(1))), [1, 2, 3]);
  assert.equal(held.bytes, 0);
});

Deno.test("held frames: without an order key nobody waits", () => {
  const held = new HeldFrames();
  held.announce(1, NO_ORDER);
  held.announce(2, NO_ORDER);
  assert.equal(held.hold("", frame(0)), false);
  assert.deepEqual(bytes(held.arrived(2, frame(2))), [2]);
  assert.deepEqual(bytes(held.arrived(1, frame(1))), [1]);
});

Deno.test("held frames: the lane is full at a number and at a size", () => {
  const held = new HeldFrames();
  for (let i = 1; i < OUTSTANDING_MAX; i++) held.announce(i, KEY);
  assert.equal(held.full, false);
  held.announce(OUTSTANDING_MAX, KEY);
  assert.equal(held.full, true);
  const heavy = new HeldFrames();
  heavy.announce(1, KEY);
  heavy.hold("key", frame(0, HELD_BYTES_MAX));
  assert.equal(heavy.full, false);
  heavy.hold("key", frame(0, 1));
  assert.equal(heavy.full, true);
});

Deno.test("held frames: what no honest peer sends", () => {
  const held = new HeldFrames();
  held.announce(1, KEY);
  assert.throws(() => held.announce(1, KEY), MalformedFrame);
  assert.throws(() => held.announce(2, new Uint8Array(100_000)), MalformedFrame);
});

Deno.test("held frames: whatever order large ones come in, each key keeps its own", () => {
  const slot = fc.record({ key: fc.constantFrom("a", "b"), large: fc.boolean() });
  fc.assert(fc.property(fc.array(slot, { maxLength: 40 }), fc.infiniteStream(fc.nat()), (slots, random) => {
    const held = new HeldFrames(), out: Record<string, number[]> = { a: [], b: [] };
    const go = (key: string, frames: readonly Uint8Array[]) => out[key]!.push(...bytes(frames));
    const pending: { key: string; index: number }[] = [];
    slots.forEach(({ key, large }, index) => {
      if (large) {
        held.announce(index, utf8(key));
        pending.push({ key, index });
      } else if (!held.hold(key, frame(index))) go(key, [frame(index)]);
    });
    while (pending.length > 0) {
      const [one] = pending.splice(random.next().value % pending.length, 1);
      go(one!.key, held.arrived(one!.index, frame(one!.index)));
    }
    for (const key of ["a", "b"]) {
      assert.deepEqual(out[key], slots.flatMap((one, index) => one.key === key ? [index] : []));
    }
    assert.deepEqual([held.bytes, held.empty], [0, true]);
  }));
});

Deno.test("held frames: an event's key is its publisher and topic, a cancel's that of its call", () => {
  const requestId = new Uint8Array(16).fill(3);
  assert.equal(orderKey(event("x")), orderKey(event("x", 100)));
  assert.notEqual(orderKey(event("x")), orderKey(event("y")));
  assert.notEqual(orderKey(event("x")), orderKey(event("x", 1, { publisher: requestId })));
  const request = { kind: "rpcRequest", requestId, procedure: "p", args: requestId, fromNode: requestId } as const;
  assert.equal(orderKey(request), orderKey({ kind: "rpcCancel", requestId }));
  assert.equal(orderKey({ kind: "ping", timestamp: 1 }), undefined);
});

/** A hub's link whose peer writes what a test wants. */
async function scripted() {
  const world = await World.open(), [near, far] = await world.welcomed(), ear = new Ear();
  const hub = linkOver(world, far, { owner: ear });
  hub.start();
  const open = async () => (await near.connection.openSend()).getWriter();
  return { world, ear, hub, open, lane: await open() };
}

Deno.test("large streams: an early one waits for its marker, and nothing is held for streams that never come", async () => {
  const { world, ear, open, lane } = await scripted(), large = await open();
  await lane.write(encodeFrame(event("first")));
  await large.write(encodeFrame({ kind: "elsewhere", reference: 1 }));
  await large.write(encodeFrame(event("large")));
  await world.timers.run(0);
  assert.deepEqual(ear.topics, ["first"]);
  await lane.write(encodeFrame({ kind: "elsewhere", reference: 1, order: utf8("x") }));
  await world.timers.run(0);
  assert.deepEqual(ear.topics, ["first", "large"]);
});

Deno.test("large streams: a lane whose large frames do not come waits, the others go on", async () => {
  const { world, ear, hub, open, lane } = await scripted(), other = await open();
  for (let reference = 1; reference <= 1_000; reference++) {
    lane.write(encodeFrame({ kind: "elsewhere", reference, order: utf8(`${reference}`) })).catch(() => {});
  }
  lane.write(encodeFrame(event("behind"))).catch(() => {});
  await other.write(encodeFrame(event("beside")));
  await world.timers.run(0);
  assert.deepEqual([ear.topics, hub.open], [["beside"], true]);
});

Deno.test("large streams: a peer that announces or sends one twice is cut off", async () => {
  const marker = encodeFrame({ kind: "elsewhere", reference: 1, order: utf8("x") });
  const head = encodeFrame({ kind: "elsewhere", reference: 1 });
  const cases: ((peer: Awaited<ReturnType<typeof scripted>>) => Promise<void>)[] = [
    async ({ lane }) => {
      await lane.write(marker);
      await lane.write(marker);
    },
    async ({ open }) => {
      for (let i = 0; i < 2; i++) {
        const stream = await open();
        await stream.write(head);
        await stream.write(encodeFrame(event("x")));
      }
    },
    async ({ open, lane }) => {
      await lane.write(marker);
      const stream = await open();
      await stream.write(head);
      await stream.write(encodeFrame(event("x")));
      await stream.write(encodeFrame(event("y")));
    },
  ];
  for (const act of cases) {
    const peer = await scripted();
    await act(peer);
    await peer.world.timers.run(0);
    assert.equal(peer.ear.ends[0]?.code, "malformed_frame");
  }
});

Deno.test("large streams: a peer cannot hold more of them in memory than it may have open", async () => {
  const { world, ear, hub, open } = await scripted();
  let opened = 0;
  for (let reference = 1; reference <= 20; reference++) {
    open().then(async (stream) => {
      opened++;
      await stream.write(encodeFrame({ kind: "elsewhere", reference }));
      await stream.write(encodeFrame(event("x", 100_000)));
      await stream.close();
    }).catch(() => {});
  }
  await world.timers.run(10);
  assert.deepEqual([opened, ear.messages, hub.open], [7, [], true]);
});
