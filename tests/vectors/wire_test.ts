/** Frames and values as the original's encoder and decoder gave them. @module */

import assert from "node:assert/strict";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { decodeFrame, encodeFrame, messageTypeName } from "../../src/wire/codec.ts";
import { FrameReader } from "../../src/wire/frame.ts";
import { MalformedFrame } from "../../src/wire/malformed_frame.ts";
import type { Message } from "../../src/wire/message.ts";
import { decodeValue, encodeValue } from "../../src/wire/msgpack.ts";
import { snakeCase } from "../../src/wire/schema.ts";
import type { Value } from "../../src/wire/value.ts";
import { asOriginal, checkSection, COVERED, EXCEPTIONS, NOT_COVERED_YET, SECTIONS, textOf, valueOf, type Vector } from "./vectors.ts";

const nameOf = (vector: Vector) => vector["name"] as string;

Deno.test("every section of the vectors is covered, or listed as not covered yet", () => {
  assert.deepEqual([...Object.keys(COVERED), ...NOT_COVERED_YET].sort(), Object.keys(SECTIONS).sort());
});

Deno.test("every exception is in docs/PROTOCOL.md", () => {
  const page = Deno.readTextFileSync(new URL("../../docs/PROTOCOL.md", import.meta.url)).replaceAll(/ +/g, " ");
  for (const [section, names] of Object.entries(EXCEPTIONS)) {
    for (const name of names) assert(page.includes(`\`${section}\` | \`${name}\``), `${section} ${name}`);
  }
});

Deno.test("frames: we write and read what the original wrote, and refuse to write what it refused", () => {
  checkSection("frames", nameOf, (vector) => {
    const fields = valueOf(vector["fields"]!) as Map<string, Value>;
    if (vector["encode_error"] !== undefined) {
      assert.throws(() => encodeFrame(messageOf(vector["type"] as string, fields)), { name: "ValidationError" });
      return true;
    }
    const frame = fromHex(vector["frame_hex"] as string), payload = frame.subarray(8);
    assert.equal(frame[1], vector["type_id"]);
    assert.equal(toHex(encodeValue(fields, "original")), toHex(payload), `${nameOf(vector)} as a value`);
    const decoded = (vector["decoded"] as Vector)["msg"]!;
    assert.deepEqual(asOriginal(decodeValue(payload)), valueOf(decoded), nameOf(vector));
    const message = decodeOrUndefined(frame);
    if (message === undefined) return false;
    assert.equal(snakeCase(message.kind), vector["type"]);
    if (vector["frame_hex_otp27"] !== undefined) {
      const reordered = decodeFrame(fromHex(vector["frame_hex_otp27"] as string));
      assert.deepEqual(withoutFrame(reordered), withoutFrame(message), `${nameOf(vector)} in another order`);
    }
    return toHex(encodeFrame(withoutFrame(message))) === toHex(frame);
  });
});

Deno.test("decode: what the original read and refused", () => {
  checkSection("decode", nameOf, (vector) => {
    const frame = fromHex(vector["frame_hex"] as string), result = vector["result"] as Vector;
    const message = decodeOrUndefined(frame);
    if (result["ok"] === false) return message === undefined || message.kind === "unknown";
    const payload = frame.subarray(8, 8 + new DataView(frame.buffer).getUint32(4));
    assert.deepEqual(asOriginal(decodeValue(payload)), valueOf(result["msg"]!), nameOf(vector));
    return message !== undefined && snakeCase(message.kind) === result["type"];
  });
});

Deno.test("stream reassembly: any chunking gives the original's messages and remainder", () => {
  checkSection("stream_reassembly_client", nameOf, (vector) => {
    const input = fromHex(vector["input_hex"] as string), expected = (vector["messages"] as Vector[][]).flat();
    for (let size = 1; size <= input.length; size++) {
      const reader = new FrameReader(), got: Message[] = [];
      for (let at = 0; at < input.length; at += size) {
        reader.push(input.subarray(at, at + size));
        for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
          const message = decodeOrUndefined(frame);
          if (message !== undefined && message.kind !== "unknown") got.push(message);
        }
      }
      assert.deepEqual(got.map((message) => snakeCase(message.kind)), expected.map((message) => message["type"]));
      got.forEach((message, i) => {
        const payload = encodeFrame(message).subarray(8);
        assert.deepEqual(decodeValue(payload), valueOf(expected[i]!["msg"]!));
      });
      assert.equal(reader.pendingBytes, (vector["remaining_hex"] as string).length / 2);
    }
    return true;
  });
});

Deno.test("msgpack values: the original's rules, byte for byte", () => {
  checkSection("msgpack_values", (vector) => vector["erlang"] as string, (vector) => {
    const noted = vector["value"]!, packed = vector["packed_hex"];
    if (typeof packed !== "string") { // a tuple: neither can write it
      assert.throws(() => encodeValue(noted as Value, "original"), { name: "ValidationError" });
      return true;
    }
    const value = valueOf(noted), got = toHex(encodeValue(value, "original"));
    if (packed.endsWith("...")) return got.startsWith(packed.slice(0, -3));
    assert.deepEqual(asOriginal(decodeValue(fromHex(packed))), value);
    return got === packed;
  });
});

Deno.test("message types: the original's ids and names", () => {
  const id = (vector: Vector) => String(vector["id"]);
  checkSection("message_types", id, (vector) => messageTypeName(vector["id"] as number) === vector["type"]);
  checkSection("message_type_names_00_9f", id, (vector) => {
    return (messageTypeName(vector["id"] as number) ?? null) === vector["name"];
  });
});

function decodeOrUndefined(frame: Uint8Array): Message | undefined {
  try {
    return decodeFrame(frame);
  } catch (error) {
    assert(error instanceof MalformedFrame, String(error));
    return undefined;
  }
}

function withoutFrame(message: Message): Message {
  const copy = { ...message } as Record<string, unknown>;
  delete copy["frame"];
  return copy as unknown as Message;
}

/** The message with these fields, texts being texts where the wire has bins. */
function messageOf(type: string, fields: ReadonlyMap<string, Value>): Message {
  const camel = (key: string) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const texts = new Set(["topic", "reason", "message", "procedure", "realm", "type", "from_endpoint", "payload_type"]);
  const entries = [...fields].map(([key, value]) => {
    return [camel(key), texts.has(key) ? textOf({ $hex: toHex(value as Uint8Array) }) : value];
  });
  return { ...Object.fromEntries(entries), kind: camel(type) } as Message;
}
