/** What is full: peers of the original that do not read, and connections that come to nothing. @module */

import assert from "node:assert/strict";
import { createIdentity } from "../../src/identity/mod.ts";
import { LegacyGate, STRANGERS_MAX } from "../../src/legacy/gate.ts";
import { parseAllow } from "../../src/legacy/policy.ts";
import { LegacyStream, STREAM_QUEUE_BYTES_MAX, type StreamOwner } from "../../src/legacy/stream.ts";
import type { Stranger } from "../../src/link/establish.ts";
import { incomingOf } from "../../src/link/streams/arrivals.ts";
import { ChunkReader } from "../../src/link/streams/chunks.ts";
import type { CloseReason, Connection } from "../../src/transport/transport.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Decoder, encodeFrame, type Message } from "../../src/wire/mod.ts";
import { until } from "../conformance/deadline.ts";
import { ManualTimers } from "../transport/manual_timers.ts";
import { REALM } from "./world.ts";

const NOBODY: StreamOwner = { onRead() {}, onMessage: () => undefined, onMalformed() {}, onEnd() {} };

/** A stream whose peer sends what `incoming` holds, and reads nothing before `release`. */
function deafStream(incoming: ReadableStream<Uint8Array>, owner: Partial<StreamOwner> = {}) {
  const { promise, resolve } = Promise.withResolvers<void>();
  let written = 0;
  const writable = new WritableStream<Uint8Array>({ write: () => promise.then(() => void written++) });
  const start = { reader: new ChunkReader(incoming), writable, heard: [] };
  const stream = new LegacyStream(1, start, new Decoder(), { ...NOBODY, ...owner });
  return { stream, release: resolve, written: () => written };
}

Deno.test("legacy stream: who asks without reading is not read on, and gets all answers in the end", async () => {
  const ping = encodeFrame({ kind: "ping", timestamp: 1 }), asked = 1_000;
  const frames = Array.from({ length: asked }, () => ping);
  let answered = 0;
  const answer: Message = {
    kind: "findValueReply",
    result: "value",
    value: [new Map([["blob", new Uint8Array(4_000)]])],
  };
  const onMessage = (one: LegacyStream) => {
    answered++;
    one.write(answer);
    return undefined;
  };
  const { stream, release, written } = deafStream(ReadableStream.from(frames), { onMessage });
  const reading = stream.read([], 1 << 20);
  await until(() => answered > 10, "the first answers");
  await new Promise((resolve) => setTimeout(resolve, 0)); // what could be read on would be now
  assert(answered < 100, `${answered} answers wait`);
  release();
  await reading;
  assert.deepEqual([answered, written()], [asked, asked]);
});

Deno.test("legacy stream: what is pushed to a peer that does not read is bounded", async () => {
  const { stream, release, written } = deafStream(new ReadableStream());
  const event = { kind: "publish", topic: "odd topic", qos: 0, retain: false, messageId: new Uint8Array(16) } as const;
  let taken = 0;
  while (stream.write({ ...event, payload: new Uint8Array(60_000) })) taken++;
  assert(taken * 60_000 <= STREAM_QUEUE_BYTES_MAX + 120_000, `${taken} frames are held`);
  assert(taken * 60_000 > STREAM_QUEUE_BYTES_MAX / 2);
  release();
  await until(() => written() === taken, "all that was taken is written");
  assert(stream.write({ ...event, payload: new Uint8Array(1) }), "there is room again");
});

/** A connection on which nothing happens. */
function silentStranger(): Stranger & { readonly closedBy: () => string | undefined } {
  const { promise: closed, resolve } = Promise.withResolvers<CloseReason>();
  let code: string | undefined;
  const connection = {
    remote: { hostname: "127.0.0.1", port: 1 },
    incomingBidi: new ReadableStream(),
    incomingSend: new ReadableStream(),
    close: (_: number, text: string) =>
      resolve({ kind: "local", code: 1, text: code = text } as unknown as CloseReason),
    closed,
  } as unknown as Connection;
  const reader = new ChunkReader(new ReadableStream<Uint8Array>());
  return {
    connection,
    reader,
    writable: new WritableStream(),
    heard: [],
    more: [],
    incoming: incomingOf(connection),
    closedBy: () => code,
  };
}

Deno.test("legacy: connections without client are bounded", () => {
  const { id: node, idBytes: nodeBytes, publicKey } = createIdentity(new Uint8Array(32).fill(7));
  const gate = new LegacyGate({
    self: { node, nodeBytes, publicKey, role: "hub", capabilities: [], endpoint: "" },
    realm: REALM,
    rights: parseAllow(),
    timers: new ManualTimers(),
    random: seededRandom("gate"),
    frameBytesMax: 1 << 20,
    throttle: { framesPerSecond: 1_000, bytesPerSecond: 1 << 20 },
    log: () => {},
  });
  const strangers = Array.from({ length: STRANGERS_MAX + 2 }, silentStranger);
  for (const stranger of strangers) gate.take(stranger);
  assert.deepEqual(strangers.slice(-3).map((one) => one.closedBy()), [undefined, "too_busy", "too_busy"]);
  assert.equal(gate.stats().connections, STRANGERS_MAX);
  assert.deepEqual(gate.stats().refused, { too_busy: 2 });
});
