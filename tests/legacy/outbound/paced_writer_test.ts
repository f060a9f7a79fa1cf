/** Writing to a gateway that takes each chunk for one frame. @module */

import assert from "node:assert/strict";
import { GAP_MS, PacedWriter, QUIET_MS, QUIET_TRIES } from "../../../src/legacy/outbound/paced_writer.ts";
import { decodeFrame, type Message } from "../../../src/wire/mod.ts";
import { ManualTimers } from "../../transport/manual_timers.ts";

Deno.test("pacing: one frame in one write, and a gap before the next", async () => {
  const timers = new ManualTimers(), written: [number, string][] = [];
  const sink = new WritableStream<Uint8Array>({
    write: (bytes) => void written.push([timers.now(), decodeFrame(bytes).kind]),
  });
  const writer = new PacedWriter(sink, timers, () => assert.fail("it is not broken"));
  const start = timers.now();
  for (let timestamp = 0; timestamp < 3; timestamp++) writer.write({ kind: "ping", timestamp });
  await timers.run(0);
  assert.equal(written.length, 1);
  await timers.run(GAP_MS - 1);
  assert.equal(written.length, 1);
  await timers.run(2 * GAP_MS);
  assert.deepEqual(written.map(([at]) => at - start), [0, GAP_MS, 2 * GAP_MS]);
  await timers.run(GAP_MS);
  await writer.finish();
});

Deno.test("pacing: those who can wait do while more than 64 frames do", async () => {
  const timers = new ManualTimers(), writer = new PacedWriter(new WritableStream(), timers, () => {});
  for (let timestamp = 0; timestamp < 65; timestamp++) writer.write({ kind: "ping", timestamp });
  let free = false;
  assert.equal(writer.writable(), undefined);
  writer.write({ kind: "ping", timestamp: 65 });
  writer.write({ kind: "ping", timestamp: 66 });
  writer.writable()!.then(() => free = true);
  await timers.run(20 * GAP_MS);
  assert.equal(free, false);
  await timers.run(20 * GAP_MS);
  assert.equal(free, true);
});

Deno.test("pacing: a broken stream is told, and nothing is kept for it", async () => {
  const timers = new ManualTimers();
  let broken = 0;
  const sink = new WritableStream<Uint8Array>({ write: () => Promise.reject(new Error("gone")) });
  const writer = new PacedWriter(sink, timers, () => broken++);
  writer.write({ kind: "ping", timestamp: 1 });
  await writer.idle();
  writer.write({ kind: "ping", timestamp: 2 });
  assert.deepEqual([broken, writer.queued, writer.writable()], [1, 0, undefined]);
  await writer.finish();
});

/** A writer, and what it has written: kinds, and the stamps of PINGs. */
function bench() {
  const timers = new ManualTimers(), written: string[] = [], stamps: number[] = [];
  const sink = new WritableStream<Uint8Array>({
    write: (bytes) => {
      const message = decodeFrame(bytes);
      written.push(message.kind === "publish" ? message.topic : message.kind);
      if (message.kind === "ping") stamps.push(message.timestamp);
    },
  });
  const writer = new PacedWriter(sink, timers, () => assert.fail("it is not broken"));
  const event = (topic: string): Message => (
    { kind: "publish", topic, payload: new Uint8Array(1), qos: 0, retain: false, messageId: new Uint8Array(16) }
  );
  const pong = (timestamp: number, nodeId?: Uint8Array) =>
    writer.answered({ kind: "pong", timestamp, serverTime: 1, ...nodeId === undefined ? {} : { nodeId } });
  return { timers, written, stamps, writer, event, pong };
}

Deno.test("pacing: what matters waits until nothing before it is on its way; casual events do not", async () => {
  const { timers, written, stamps, writer, event, pong } = bench(), subscribe = { kind: "subscribe", qos: 0 } as const;
  const nodeId = new Uint8Array(32);
  writer.write({ kind: "connect", version: "1.0", nodeId, realmId: "r", capabilities: [], endpoint: "" });
  await timers.run(5 * GAP_MS);
  pong(123_456, nodeId); // the answer to CONNECT has the gateway's own time
  writer.write({ ...subscribe, topics: ["a"] });
  writer.write(event("one"), { casual: true });
  writer.write(event("two"), { casual: true });
  writer.write({ ...subscribe, topics: ["b"] });
  writer.write(event("three"), { casual: true });
  await timers.run(10 * GAP_MS);
  assert.deepEqual(written, ["connect", "subscribe", "one", "two", "ping"]);
  assert.equal(writer.casualTaken, 0);
  pong(stamps[0]!);
  await timers.run(10 * GAP_MS);
  assert.deepEqual(written.slice(5), ["subscribe", "three"]);
  assert.deepEqual([writer.casualTaken, writer.written, writer.queued], [2, 7, 0]);
  await writer.finish();
});

Deno.test("pacing: a PING that is on its way already is waited for, and not sent twice", async () => {
  const { timers, written, writer, pong } = bench(), subscribe = { kind: "subscribe", qos: 0 } as const;
  for (const topic of ["a", "b"]) {
    writer.write({ ...subscribe, topics: [topic] });
    writer.write({ kind: "ping", timestamp: 1_000 + topic.charCodeAt(0) });
  }
  await timers.run(5 * GAP_MS);
  assert.deepEqual(written, ["subscribe", "ping"]);
  pong(1_097);
  await timers.run(5 * GAP_MS);
  assert.deepEqual(written, ["subscribe", "ping", "subscribe", "ping"]);
  await writer.finish();
});

Deno.test("pacing: a gateway that does not answer is written to all the same, and asked again when it does", async () => {
  const { timers, written, stamps, writer, event, pong } = bench(), subscribe = { kind: "subscribe", qos: 0 } as const;
  writer.write(event("one"), { casual: true });
  for (const topic of ["a", "b", "c"]) writer.write({ ...subscribe, topics: [topic] });
  await timers.run(QUIET_TRIES * (QUIET_MS + GAP_MS) + 10 * GAP_MS);
  assert.deepEqual(written, ["one", "ping", "ping", "subscribe", "subscribe", "subscribe"]);
  pong(stamps[0]!);
  writer.write({ ...subscribe, topics: ["d"] });
  await timers.run(5 * GAP_MS);
  assert.deepEqual(written.slice(6), ["ping"]);
  pong(stamps.at(-1)!);
  await timers.run(5 * GAP_MS);
  assert.deepEqual(written.slice(6), ["ping", "subscribe"]);
  await writer.finish();
});
