/** The short form of an event (0xB1) beside the publish of the schema (0x10): the same events, the same refusals. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeFrame, Decoder, encodeFrame, encodeMessage, SCHEMAS } from "../../src/wire/codec.ts";
import { MalformedFrame } from "../../src/wire/malformed_frame.ts";
import { EVENT_ID, writeEvent } from "../../src/wire/messages/event.ts";
import type { Publish } from "../../src/wire/messages/pubsub.ts";
import { writeRecord } from "../../src/wire/schema.ts";
import { Writer } from "../../src/wire/writer.ts";
import { bare, messageOf, usualPublish } from "./arbitraries.ts";

const schema = SCHEMAS.find(({ kind }) => kind === "publish")!;

/** What the schema writes. */
function bySchema(message: Publish): Uint8Array {
  const writer = new Writer(64);
  for (const byte of [1, 0x10, 0, 0, 0, 0, 0, 0]) writer.u8(byte);
  writeRecord(writer, schema, message as unknown as Record<string, unknown>);
  writer.setU32(4, writer.length - 8);
  return writer.copy();
}

Deno.test("event: its layout, byte for byte", () => {
  const message: Publish = {
    kind: "publish",
    topic: "a.b",
    payload: Uint8Array.of(7, 8),
    qos: 1,
    retain: false,
    messageId: new Uint8Array(16).fill(0x11),
    publisher: new Uint8Array(32).fill(0x22),
    encoding: "json",
    at: 0x0102_0304_0506,
    acknowledge: true,
  };
  const head = [1, 0xb1, 0, 0, 0, 0, 0, 61, 0b1101, 3, 1, 2, 3, 4, 5, 6];
  const rest = [...message.messageId, ...message.publisher!, 0x61, 0x2e, 0x62, 7, 8];
  assert.deepEqual([...encodeFrame(message)], [...head, ...rest]);
  assert.deepEqual(bare(decodeFrame(Uint8Array.from([...head, ...rest]))), message);
});

Deno.test("event: read as it was written, with the fields that the schema gives", () => {
  fc.assert(fc.property(usualPublish, fc.nat(40), (message, before) => {
    const writer = new Writer(8);
    for (let i = 0; i < before; i++) writer.u8(1);
    assert.ok(writeEvent(writer, message));
    const frame = writer.copy().subarray(before), read = decodeFrame(frame);
    assert.deepEqual(encodeFrame(message), frame);
    assert.deepEqual(new Decoder().decode(frame), read, "the same with remembered topics");
    assert.deepEqual(bare(read), bare(message));
    assert.deepEqual(Object.keys(read), Object.keys(decodeFrame(bySchema(message))), "one hidden class");
    assert.deepEqual(encodeFrame(read), frame, "forwarded as it came");
    const chunk = new Uint8Array(frame.length + 9).fill(0xff);
    chunk.set(frame, 0);
    assert.deepEqual(new Decoder().decode(chunk), read, "what follows in the chunk is left alone");
  }));
});

Deno.test("event: any other publish goes by the schema, with nothing lost", () => {
  fc.assert(fc.property(messageOf(schema), (message) => {
    const frame = encodeFrame(message);
    if (frame[1] !== EVENT_ID) assert.deepEqual(frame, bySchema(message as Publish));
    assert.deepEqual(bare(decodeFrame(frame)), bare(message));
  }));
});

Deno.test("event: whatever field of the schema it has besides, nothing is lost", () => {
  const names = schema.fields.map(({ name }) => name);
  fc.assert(
    fc.property(usualPublish, messageOf(schema), fc.constantFrom(...names), (message, other, name) => {
      const value = (other as unknown as Record<string, unknown>)[name];
      fc.pre(value !== undefined);
      const both = { ...message, [name]: value } as Publish;
      assert.deepEqual(bare(decodeFrame(encodeFrame(both))), bare(both));
    }),
    { numRuns: 300 },
  );
});

Deno.test("event: with one field changed it is refused as by the schema, or nothing is lost", () => {
  const changes = fc.record({
    topic: fc.constantFrom<unknown>("ü.a", "a".repeat(255), "a".repeat(256), "", 5, undefined),
    payload: fc.constantFrom<unknown>(new Uint8Array(65_536), new Uint8Array(0), "text", undefined, [1]),
    qos: fc.constantFrom<unknown>(3, -1, 0.5, "0", undefined),
    retain: fc.constantFrom<unknown>(true, 0, undefined),
    messageId: fc.constantFrom<unknown>(new Uint8Array(15), new Uint8Array(17), undefined),
    publisher: fc.constantFrom<unknown>(new Uint8Array(31), undefined, null),
    encoding: fc.constantFrom<unknown>("text", "", undefined, 1),
    at: fc.constantFrom<unknown>(0, 2 ** 48 - 1, 2 ** 48, 2 ** 53, -1, 2 ** 40 + 0.5, undefined, NaN),
    publisherDid: fc.constantFrom<unknown>("did", ""),
    ucanToken: fc.constantFrom<unknown>("token"),
    acknowledge: fc.constantFrom<unknown>(true, false, 1),
    headers: fc.constantFrom<unknown>("{}"),
    proof: fc.constant(new Uint8Array(96)),
    originProof: fc.constant(new Uint8Array(96)),
  }, { requiredKeys: [], noNullPrototype: true });
  const result = (write: () => Uint8Array) => {
    try {
      return bare(decodeFrame(write()));
    } catch (error) {
      return (error as Error).message;
    }
  };
  fc.assert(fc.property(usualPublish, changes, (message, changed) => {
    const both = { ...message, ...changed } as Publish, writer = new Writer(16);
    const written = result(() => {
      encodeMessage(both, writer);
      return writer.copy();
    });
    assert.deepEqual(written, result(() => bySchema(both)));
    if (typeof written === "string") assert.equal(writer.length, 0);
  }));
});

Deno.test("event: what is no event of this version is malformed", () => {
  const frame = encodeFrame({
    kind: "publish",
    topic: "a.b",
    payload: new Uint8Array(0),
    qos: 0,
    retain: false,
    messageId: new Uint8Array(16),
    publisher: new Uint8Array(32),
    encoding: "bytes",
    at: 1,
  });
  const changed = (at: number, byte: number) => frame.with(at, byte);
  const shortened = frame.slice(0, 63);
  shortened[7] = 63 - 8;
  const broken: readonly [Uint8Array, RegExp][] = [
    [changed(8, 3), /flags of this version, got 3/],
    [changed(8, 0x10), /flags of this version, got 16/],
    [changed(9, 4), /holds its topic/],
    [changed(64, 0x80), /ASCII/],
    [shortened, /at least 64 bytes, got 63/],
  ];
  for (const [bytes, sentence] of broken) {
    for (const decoder of [new Decoder(), new Decoder({ cachedTexts: 0 })]) {
      assert.throws(
        () => decoder.decode(bytes),
        (error) => error instanceof MalformedFrame && sentence.test(error.message),
      );
    }
  }
});
