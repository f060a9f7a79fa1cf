/** The short forms of a call and its answer (0xB2, 0xB3) beside those of the schema (0x24, 0x25). @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeFrame, Decoder, encodeFrame, encodeMessage, messageTypeName, SCHEMAS } from "../../src/wire/codec.ts";
import { MalformedFrame } from "../../src/wire/malformed_frame.ts";
import type { Message } from "../../src/wire/message.ts";
import { ANSWER_ID, QUESTION_ID } from "../../src/wire/messages/question.ts";
import type { RpcReply, RpcRequest } from "../../src/wire/messages/rpc.ts";
import { writeRecord } from "../../src/wire/schema.ts";
import { Writer } from "../../src/wire/writer.ts";
import { bare, messageOf, usualReply, usualRequest } from "./arbitraries.ts";

const FORMS = [
  { kind: "rpcRequest", id: QUESTION_ID, usual: usualRequest as fc.Arbitrary<Message> },
  { kind: "rpcReply", id: ANSWER_ID, usual: usualReply as fc.Arbitrary<Message> },
] as const;

/** What the schema writes. */
function bySchema(message: Message): Uint8Array {
  const schema = SCHEMAS.find(({ kind }) => kind === message.kind)!, writer = new Writer(64);
  for (const byte of [1, schema.id, 0, 0, 0, 0, 0, 0]) writer.u8(byte);
  writeRecord(writer, schema, message as unknown as Record<string, unknown>);
  writer.setU32(4, writer.length - 8);
  return writer.copy();
}

const request: RpcRequest = {
  kind: "rpcRequest",
  requestId: new Uint8Array(16).fill(0x11),
  procedure: "a.b",
  args: Uint8Array.of(7, 8),
  fromNode: new Uint8Array(32).fill(0x22),
  deadlineMs: 0x0102_0304,
  encoding: "json",
};
const reply: RpcReply = {
  kind: "rpcReply",
  requestId: new Uint8Array(16).fill(0x11),
  fromNode: new Uint8Array(32).fill(0x22),
  result: Uint8Array.of(7, 8),
  encoding: "bytes",
};

Deno.test("question: its layout, byte for byte", () => {
  const head = [1, 0xb2, 0, 0, 0, 0, 0, 59, 0b100, 3, 1, 2, 3, 4];
  const rest = [...request.requestId, ...request.fromNode, 0x61, 0x2e, 0x62, 7, 8];
  assert.deepEqual([...encodeFrame(request)], [...head, ...rest]);
  assert.deepEqual(bare(decodeFrame(Uint8Array.from([...head, ...rest]))), request);
  assert.equal(messageTypeName(0xb2), "question");
});

Deno.test("answer: its layout, byte for byte", () => {
  const bytes = [1, 0xb3, 0, 0, 0, 0, 0, 51, 0, ...reply.requestId, ...reply.fromNode, 7, 8];
  assert.deepEqual([...encodeFrame(reply)], bytes);
  assert.deepEqual(bare(decodeFrame(Uint8Array.from(bytes))), reply);
  assert.equal(messageTypeName(0xb3), "answer");
});

for (const { kind, id, usual } of FORMS) {
  Deno.test(`${kind} in short: read as it was written, with the fields that the schema gives`, () => {
    fc.assert(fc.property(usual, fc.nat(40), (message, before) => {
      const writer = new Writer(8);
      for (let i = 0; i < before; i++) writer.u8(1);
      encodeMessage(message, writer);
      const frame = writer.copy().subarray(before), read = decodeFrame(frame);
      assert.equal(frame[1], id);
      assert.deepEqual(new Decoder().decode(frame), read, "the same with remembered names");
      assert.deepEqual(bare(read), bare(message));
      assert.deepEqual(bare(read), bare(decodeFrame(bySchema(message))));
      assert.deepEqual(Object.keys(read), Object.keys(decodeFrame(bySchema(message))), "one hidden class");
      assert.deepEqual(encodeFrame(read), frame, "forwarded as it came");
      const chunk = new Uint8Array(frame.length + 9).fill(0xff);
      chunk.set(frame, 0);
      assert.deepEqual(new Decoder().decode(chunk), read, "what follows in the chunk is left alone");
    }));
  });

  Deno.test(`${kind} in short: any other one goes by the schema, with nothing lost`, () => {
    const schema = SCHEMAS.find((one) => one.kind === kind)!;
    fc.assert(fc.property(messageOf(schema), (message) => {
      const frame = encodeFrame(message);
      if (frame[1] !== id) assert.deepEqual(frame, bySchema(message));
      assert.deepEqual(bare(decodeFrame(frame)), bare(message));
    }));
  });

  Deno.test(`${kind} in short: whatever field of the schema it has besides, nothing is lost`, () => {
    const schema = SCHEMAS.find((one) => one.kind === kind)!, names = schema.fields.map(({ name }) => name);
    fc.assert(
      fc.property(usual, messageOf(schema), fc.constantFrom(...names), (message, other, name) => {
        const value = (other as unknown as Record<string, unknown>)[name];
        fc.pre(value !== undefined);
        const both = { ...message, [name]: value } as Message;
        assert.deepEqual(bare(decodeFrame(encodeFrame(both))), bare(both));
      }),
      { numRuns: 300 },
    );
  });

  Deno.test(`${kind} in short: with one field changed it is refused as by the schema, or nothing is lost`, () => {
    const node = fc.constantFrom<unknown>(new Uint8Array(31), new Uint8Array(0), undefined, "node");
    const body = fc.constantFrom<unknown>(new Uint8Array(65_536), new Uint8Array(0), "text", undefined, [1]);
    const fields: Record<string, fc.Arbitrary<unknown>> = {
      requestId: fc.constantFrom<unknown>(new Uint8Array(15), new Uint8Array(17), undefined),
      fromNode: node,
      encoding: fc.constantFrom<unknown>("text", "", undefined, 1),
      type: fc.constantFrom<unknown>("rpc_request", ""),
      timestamp: fc.constantFrom<unknown>(5, -1),
      ...kind === "rpcReply"
        ? {
          result: body,
          error: fc.constantFrom<unknown>("no", ""),
          toNode: node,
          code: fc.constantFrom<unknown>("no", ""),
        }
        : {
          args: body,
          procedure: fc.constantFrom<unknown>("ü.a", "a".repeat(255), "a".repeat(256), "", 5, undefined),
          deadlineMs: fc.constantFrom<unknown>(0, 2 ** 32 - 1, 2 ** 32, -1, 0.5, undefined, NaN),
          fromEndpoint: fc.constantFrom<unknown>("a:1"),
          realm: fc.constantFrom<unknown>("org.example"),
          targetNode: node,
          strategy: fc.constantFrom<unknown>("first"),
          hopsLeft: fc.constantFrom<unknown>(0, 3, -1),
          targetHub: node,
        },
    };
    const changes = fc.record(fields, { requiredKeys: [], noNullPrototype: true });
    const result = (write: () => Uint8Array) => {
      try {
        return bare(decodeFrame(write()));
      } catch (error) {
        return (error as Error).message;
      }
    };
    fc.assert(fc.property(usual, changes, (message, changed) => {
      const both = { ...message, ...changed } as Message, writer = new Writer(16);
      const written = result(() => {
        encodeMessage(both, writer);
        return writer.copy();
      });
      assert.deepEqual(written, result(() => bySchema(both)));
      if (typeof written === "string") assert.equal(writer.length, 0);
    }));
  });
}

Deno.test("a call in short: what is none of this version is malformed", () => {
  const asked = encodeFrame({ ...request, args: new Uint8Array(0) });
  const answered = encodeFrame({ ...reply, result: new Uint8Array(0) });
  const cut = (frame: Uint8Array, length: number) => {
    const shorter = frame.slice(0, length);
    shorter[7] = length - 8;
    return shorter;
  };
  const broken: readonly [Uint8Array, RegExp][] = [
    [asked.with(8, 1), /flags of this version, got 1/],
    [asked.with(8, 0b1100), /flags of this version, got 12/],
    [asked.with(9, 4), /holds its procedure/],
    [asked.with(62, 0x80), /ASCII/],
    [cut(asked, 61), /at least 62 bytes, got 61/],
    [answered.with(8, 0x80), /flags of this version, got 128/],
    [cut(answered, 56), /at least 57 bytes, got 56/],
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
