/** The usual publish by its short way and by the schema: the same bytes, the same message, the same refusals. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeFrame, Decoder, encodeFrame, encodeMessage } from "../../src/wire/codec.ts";
import { SCHEMAS } from "../../src/wire/codec.ts";
import { readUsualPublish, writeUsualPublish } from "../../src/wire/messages/usual_publish.ts";
import type { Publish } from "../../src/wire/messages/pubsub.ts";
import { writeRecord } from "../../src/wire/schema.ts";
import { TextCache } from "../../src/wire/text_cache.ts";
import { Writer } from "../../src/wire/writer.ts";
import { bare, messageOf } from "./arbitraries.ts";

const schema = SCHEMAS.find(({ kind }) => kind === "publish")!;
const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
const usual: fc.Arbitrary<Publish> = fc.record({
  kind: fc.constant("publish" as const),
  topic: fc.stringMatching(/^[a-z]{1,20}(\.[a-z]{1,20}){0,5}$/),
  payload: fc.oneof(bytes(0, 300), fc.constantFrom(255, 256, 65_535).map((length) => new Uint8Array(length).fill(7))),
  qos: fc.constantFrom(0, 1, 2),
  retain: fc.constant(false),
  messageId: bytes(16, 16),
  publisher: bytes(32, 32),
  encoding: fc.constantFrom("json", "bytes"),
  at: fc.integer({ min: 2 ** 32, max: Number.MAX_SAFE_INTEGER }),
}, { noNullPrototype: true });

/** What the schema writes. */
function bySchema(message: Publish): Uint8Array {
  const writer = new Writer(64);
  for (const byte of [1, 0x10, 0, 0, 0, 0, 0, 0]) writer.u8(byte);
  writeRecord(writer, schema, message as unknown as Record<string, unknown>);
  writer.setU32(4, writer.length - 8);
  return writer.copy();
}

/** What a decoder says, with its short way or (without a cache) by the schema alone. */
function outcome(frame: Uint8Array, cachedTexts: number): unknown {
  try {
    return new Decoder({ cachedTexts }).decode(frame);
  } catch (error) {
    return (error as Error).message;
  }
}

Deno.test("usual publish: written and read the short way, with the schema's bytes and fields", () => {
  fc.assert(fc.property(usual, fc.nat(40), (message, before) => {
    const writer = new Writer(8), expected = bySchema(message);
    for (let i = 0; i < before; i++) writer.u8(1);
    assert.ok(writeUsualPublish(writer, message));
    assert.deepEqual(writer.copy().subarray(before), expected);
    const read = readUsualPublish(expected, expected.length, new TextCache(16))!;
    assert.deepEqual(read, decodeFrame(expected));
    assert.deepEqual(Object.keys(read), Object.keys(decodeFrame(expected)), "one hidden class");
    assert.deepEqual(bare(read), message);
    const chunk = new Uint8Array(expected.length + 9).fill(0xff);
    chunk.set(expected, 0);
    assert.deepEqual(new Decoder().decode(chunk), decodeFrame(expected), "what follows in the chunk is left alone");
  }));
});

Deno.test("usual publish: any other event goes by the schema, with nothing lost", () => {
  fc.assert(fc.property(messageOf(schema), (message) => {
    const writer = new Writer(8), expected = bySchema(message as Publish);
    if (writeUsualPublish(writer, message as Publish)) assert.deepEqual(writer.copy(), expected);
    else assert.equal(writer.length, 0);
    assert.deepEqual(outcome(expected, 16), outcome(expected, 0));
    assert.deepEqual(encodeFrame(message), expected);
  }));
});

Deno.test("usual publish: one field changed is written or refused as by the schema", () => {
  const changes = fc.record({
    topic: fc.constantFrom<unknown>("ü.a", "a".repeat(255), "a".repeat(256), "", 5, undefined),
    payload: fc.constantFrom<unknown>(new Uint8Array(65_536), new Uint8Array(0), "text", undefined, [1]),
    qos: fc.constantFrom<unknown>(3, -1, 0.5, "0", undefined),
    retain: fc.constantFrom<unknown>(true, 0, undefined),
    messageId: fc.constantFrom<unknown>(new Uint8Array(15), new Uint8Array(17), undefined),
    publisher: fc.constantFrom<unknown>(new Uint8Array(31), undefined, null),
    encoding: fc.constantFrom<unknown>("text", "", undefined, 1),
    at: fc.constantFrom<unknown>(0, 2 ** 32 - 1, 2 ** 53, -1, 2 ** 40 + 0.5, undefined, NaN),
    publisherDid: fc.constantFrom<unknown>("did", ""),
    ucanToken: fc.constantFrom<unknown>("token"),
    acknowledge: fc.constantFrom<unknown>(true, false),
    headers: fc.constantFrom<unknown>("{}"),
  }, { requiredKeys: [], noNullPrototype: true });
  const result = (write: () => Uint8Array) => {
    try {
      return write();
    } catch (error) {
      return (error as Error).message;
    }
  };
  fc.assert(fc.property(usual, changes, (message, changed) => {
    const both = { ...message, ...changed } as Publish;
    const written = result(() => {
      const writer = new Writer(16);
      encodeMessage(both, writer);
      return writer.copy();
    });
    assert.deepEqual(written, result(() => bySchema(both)));
  }));
});

Deno.test("usual publish: whatever is done to its bytes, both ways say the same", () => {
  const mutation = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
  const cut = fc.oneof(fc.constant(0), fc.nat(40));
  fc.assert(
    fc.property(usual, fc.array(mutation, { maxLength: 3 }), cut, (message, mutations, shorter) => {
      const frame = encodeFrame(message).slice(), { length } = frame;
      for (const [at, byte] of mutations) frame[8 + at % (length - 8)] = byte;
      const shortened = frame.subarray(0, length - shorter);
      new DataView(shortened.buffer).setUint32(4, shortened.length - 8);
      assert.deepEqual(outcome(shortened, 16), outcome(shortened, 0));
    }),
    { numRuns: 2_000 },
  );
});
