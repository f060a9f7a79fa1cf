/** The codec: round trips, limits, and what it refuses. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { fromHex, toHex, utf8 } from "../../src/base/bytes.ts";
import { decodeFrame, Decoder, encodeFrame, encodeMessage, messageTypeName, SCHEMAS } from "../../src/wire/codec.ts";
import { MalformedFrame } from "../../src/wire/malformed_frame.ts";
import type { KnownMessage, Message } from "../../src/wire/message.ts";
import { encodeValue } from "../../src/wire/msgpack.ts";
import { snakeCase } from "../../src/wire/schema.ts";
import type { Value } from "../../src/wire/value.ts";
import { Writer } from "../../src/wire/writer.ts";
import { bare, messageOf } from "./arbitraries.ts";

const publish: KnownMessage = {
  kind: "publish",
  topic: "sensor.kitchen.measured",
  payload: utf8(`{"celsius":21.5}`),
  qos: 0,
  retain: false,
  messageId: new Uint8Array(16).fill(1),
};

Deno.test("ids and kinds are unique", () => {
  assert.equal(new Set(SCHEMAS.map((schema) => schema.id)).size, SCHEMAS.length);
  assert.equal(new Set(SCHEMAS.map((schema) => schema.kind)).size, SCHEMAS.length);
});

for (const schema of SCHEMAS) {
  Deno.test(`${schema.kind} comes back the same, also after other messages`, () => {
    const decoder = new Decoder();
    fc.assert(
      fc.property(messageOf(schema), (message) => {
        const frame = encodeFrame(message);
        assert.equal(frame[1], schema.id);
        const got = decoder.decode(frame);
        assert.deepEqual(bare(got), bare(message));
        assert.equal("frame" in got, schema.form === "forwarded");
        if (schema.form === "forwarded") assert((got as { frame?: Uint8Array }).frame === frame);
        assert.deepEqual(Object.keys(got), Object.keys(decodeFrame(frame)), "one shape for each kind");
      }),
      { seed: schema.id, numRuns: 60 },
    );
  });
}

Deno.test("all messages of a kind have the same fields in the same order", () => {
  const longer = encodeFrame({ ...publish, encoding: "json", at: 5 } as KnownMessage);
  assert.deepEqual(Object.keys(decodeFrame(longer)), Object.keys(decodeFrame(encodeFrame(publish))));
});

Deno.test("keys and texts are bins, keys are snake_case", () => {
  const message: KnownMessage = { kind: "rpcCancel", requestId: new Uint8Array(16), reason: "é" };
  assert.equal(
    toHex(encodeFrame(message)),
    `01a800000000002b82c40a${toHex(utf8("request_id"))}c410${"00".repeat(16)}c406${toHex(utf8("reason"))}c402c3a9`,
  );
});

Deno.test("a message with its frame is not encoded again", () => {
  const writer = new Writer(), frame = encodeFrame(publish);
  encodeMessage(decodeFrame(frame), writer);
  encodeMessage({ ...publish, frame: Uint8Array.of(1, 2, 3) } as Message, writer);
  assert.equal(toHex(writer.view()), toHex(frame) + "010203");
});

Deno.test("a frame is read where it ends; bytes behind it are left alone", () => {
  const frame = encodeFrame(publish), longer = new Uint8Array(frame.length + 5);
  longer.set(frame);
  const got = decodeFrame(longer);
  assert(got.kind === "publish");
  assert.deepEqual(got.frame, frame);
  assert(got.payload.buffer === longer.buffer);
});

Deno.test("fields in any order, unknown and repeated keys, str for bin, nil for nothing", () => {
  const entries: [string, Value][] = [["unknown", new Map([["a", [1, [2]]]])], ["retain", true], ["retain", false]];
  entries.push(["topic", "a.b"], ["encoding", null], ["qos", 1], ["payload", utf8("x")], [
    "message_id",
    publish.messageId,
  ]);
  const got = decodeFrame(
    frameOf(
      0x10,
      Uint8Array.of(
        0x80 | entries.length,
        ...entries.flatMap(([key, value]) => [...encodeValue(key), ...encodeValue(value)]),
      ),
    ),
  );
  assert.deepEqual(bare(got), { ...publish, topic: "a.b", qos: 1, payload: utf8("x") });
  const strings = decodeFrame(frameOf(0x03, fromHex("81a974696d657374616d7005")));
  assert.deepEqual(strings, { kind: "ping", timestamp: 5 });
  assert.deepEqual(bare(decodeFrame(frameOf(0x03, fromHex("8205c0c40974696d657374616d7005")))), strings);
});

Deno.test("a repeated optional field that is nil at last is absent, a required one is missing", () => {
  const reason = toHex(encodeValue("reason")), id = toHex(encodeValue("request_id")) + `c410${"00".repeat(16)}`;
  const got = decodeFrame(frameOf(0xa8, fromHex(`83${id}${reason}c40178${reason}c0`)));
  assert(got.kind === "rpcCancel" && got.reason === undefined);
  assert.throws(() => decodeFrame(frameOf(0x03, fromHex("81c40974696d657374616d70c0"))), MalformedFrame);
});

Deno.test("unknown and reserved types are named as such", () => {
  assert.deepEqual(decodeFrame(frameOf(0x05, fromHex("80"))), { kind: "unknown", id: 5 });
  assert.deepEqual(decodeFrame(frameOf(0x70, fromHex("c1"))), { kind: "unknown", id: 0x70 });
  assert.equal(messageTypeName(0x70), "gossip_push");
  assert.equal(messageTypeName(0xa7), "interest_changed");
  assert.equal(messageTypeName(0xff), undefined);
  assert.throws(() => encodeFrame({ kind: "unknown", id: 5 }), { name: "ValidationError" });
});

Deno.test("what breaks the protocol is malformed, with a sentence", () => {
  const timestamp = toHex(encodeValue("timestamp"));
  const cases: [string, RegExp][] = [
    ["", /its header has 8 bytes, got 0$/],
    ["0203000000000000", /its version is 1, got 2$/],
    ["010300000000000580", /as long as its header says, got 9 bytes of 13$/],
    ["010300000000000180", /ping has the field timestamp, got none$/],
    ["0103000000000001c0", /ping is a map, got the type byte c0$/],
    [toHex(frameOf(3, fromHex(`81${timestamp}c0`))), /timestamp is an integer, got the type byte c0$/],
    [toHex(frameOf(3, fromHex(`81${timestamp}ff`))), /timestamp is an integer from 0 to \d+, got -1$/],
    [toHex(frameOf(3, fromHex(`81${timestamp}cfffffffffffffffff`))), /got 18446744073709551615$/],
    [toHex(frameOf(3, fromHex(`81${timestamp}0500`))), /nothing follows the map of its payload, got 1 bytes$/],
    [toHex(frameOf(0xa7, fromHex("81c4036b6579c40100"))), /key is 32 bytes, got 1$/],
    [toHex(frameOf(0x21, fromHex(`81${toHex(encodeValue("call_id"))}c410${"00".repeat(16)}`))), /has the field error/],
  ];
  for (const [hex, sentence] of cases) {
    assert.throws(() => decodeFrame(fromHex(hex)), (error) => {
      assert(error instanceof MalformedFrame && error.code === "malformed_frame");
      assert.match(error.message, sentence);
      return true;
    }, hex);
  }
});

Deno.test("a required field that is missing, or a wrong value, is not written and leaves the writer as it was", () => {
  const writer = new Writer(),
    wrong: Record<string, unknown>[] = [
      { ...publish, topic: undefined },
      { ...publish, messageId: new Uint8Array(15) },
      { ...publish, qos: 3 },
      { ...publish, retain: 0 },
      { ...publish, payload: "text" },
      { ...publish, at: 1.5 },
      { kind: "subscribe", qos: 0, topics: "a" },
      { kind: "subscribe", qos: 0, topics: [1] },
      { kind: "rpcReply", requestId: new Uint8Array(16), fromNode: new Uint8Array(32) },
      { kind: "pubsubRoute" },
      { kind: "punchCoordinate", peerHost: "h", peerId: new Uint8Array(0), peerPorts: [65536] },
      { kind: "swimPing" },
      { kind: "nonsense" },
    ];
  writer.u8(7);
  for (const message of wrong) {
    assert.throws(() => encodeMessage(message as unknown as Message, writer), { name: "ValidationError" });
    assert.equal(writer.length, 1);
  }
});

Deno.test("nil is a value where any value is allowed", () => {
  const reply: KnownMessage = { kind: "reply", callId: new Uint8Array(16), result: null };
  assert.deepEqual(bare(decodeFrame(encodeFrame(reply))), reply);
});

Deno.test("ports are read from a list and from a str of code points", () => {
  const coordinate = {
    kind: "punchCoordinate",
    peerHost: "h",
    peerId: new Uint8Array(32),
    punchTime: 1,
    role: "target",
    sessionId: "s",
  };
  for (const peerPorts of [[], [1], [4433, 4434], [0xd800, 1], [0xdfff], [65535]]) {
    const message = { ...coordinate, peerPorts } as unknown as KnownMessage;
    assert.deepEqual(bare(decodeFrame(encodeFrame(message))), message);
  }
});

Deno.test("the decoder's memory of texts does not change what is read", () => {
  for (const cachedTexts of [2, 1_024]) {
    const decoder = new Decoder({ cachedTexts });
    for (let i = 0; i < 5_000; i++) {
      const topic = ["a", "b", "ab", "ba", "é", "", "t".repeat(255), "t".repeat(256), `topic.${i % 2_500}`][i % 9]!;
      const got = decoder.decode(encodeFrame({ ...publish, topic } as KnownMessage));
      assert(got.kind === "publish" && got.topic === topic);
    }
  }
});

Deno.test("a map of more fields than its shortest header can tell has a longer one", () => {
  const message: KnownMessage = {
    ...publish,
    kind: "publish",
    publisherDid: "did",
    ucanToken: "token",
    publisher: new Uint8Array(32),
    encoding: "json",
    at: 7,
    acknowledge: true,
    headers: "{}",
    proof: new Uint8Array(96),
    originProof: new Uint8Array(96),
    claimed: true,
    kept: true,
  };
  for (let i = 0; i < 600; i++) { // the header moves what stands behind it, also where the buffer must grow for it
    const padded = { ...message, payload: new Uint8Array(i).fill(9) } as KnownMessage, frame = encodeFrame(padded);
    assert.deepEqual([...frame.subarray(8, 11)], [0xde, 0, 16]);
    assert.deepEqual(bare(decodeFrame(frame)), bare(padded));
  }
  const { kept: _, ...fewer } = message;
  assert.equal(encodeFrame(fewer)[8], 0x8f);
});

Deno.test("docs/PROTOCOL.md has a row for each message with all its fields", () => {
  const text = Deno.readTextFileSync(new URL("../../docs/PROTOCOL.md", import.meta.url));
  const page = text.replaceAll(/ +/g, " ").split("\n");
  for (const schema of SCHEMAS) {
    const id = schema.id.toString(16).toUpperCase().padStart(2, "0");
    const row = page.find((line) => line.startsWith(`| \`${id}\` | \`${snakeCase(schema.kind)}\` |`));
    assert(row !== undefined, `${id} ${schema.kind}`);
    for (const field of schema.fields) assert(row.includes(`\`${field.key}\``), `${schema.kind} ${field.key}`);
  }
});

function frameOf(id: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(8 + payload.length);
  frame.set([1, id]);
  new DataView(frame.buffer).setUint32(4, payload.length);
  frame.set(payload, 8);
  return frame;
}
