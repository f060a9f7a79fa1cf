/** Random messages of every kind, made from the schemas. @module */

/** Any message, made from the schemas. */

import fc from "fast-check";
import type { KnownMessage, Message } from "../../src/wire/message.ts";
import type { Publish } from "../../src/wire/messages/pubsub.ts";
import type { RpcReply, RpcRequest } from "../../src/wire/messages/rpc.ts";
import { SCHEMAS } from "../../src/wire/codec.ts";
import type { MessageSchema } from "../../src/wire/schema.ts";
import type { Value } from "../../src/wire/value.ts";

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
const signedRecord = fc.record({ body: bytes(0, 40), signature: bytes(64, 64) }, { noNullPrototype: true });
const key = fc.stringMatching(/^[a-z_]{1,12}$/);

/** Any value that reads as it was written: texts are left out, they come back as bins. */
export const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constantFrom<Value>(null, true, false),
    fc.maxSafeInteger(),
    fc.integer({ min: -40, max: 300 }),
    fc.double(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
    bytes(0, 300),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 20 }).map((entries) => new Map(entries)),
  ),
})).value;

/** A message with any allowed content. */
export const message: fc.Arbitrary<KnownMessage> = fc.oneof(...SCHEMAS.map(messageOf));

/** A message of the schema's kind with any allowed content. */
export function messageOf(schema: MessageSchema): fc.Arbitrary<KnownMessage> {
  const fields: Record<string, fc.Arbitrary<unknown>> = { kind: fc.constant(schema.kind) };
  const requiredKeys = ["kind"];
  if (schema.form === "open") {
    fields["fields"] = of("map");
    requiredKeys.push("fields");
  }
  schema.fields.forEach((field, i) => {
    fields[field.name] = of(field.kind.name);
    // What is written where absent does not come back absent.
    if (field.isRequired || field.otherwise !== undefined || schema.oneOf >>> i & 1) requiredKeys.push(field.name);
  });
  return fc.record(fields, { requiredKeys, noNullPrototype: true }) as unknown as fc.Arbitrary<KnownMessage>;
}

/** An event as publishers of ours make it: it goes in the short form. */
export const usualPublish: fc.Arbitrary<Publish> = fc.record({
  kind: fc.constant("publish" as const),
  topic: fc.stringMatching(/^[a-z]{1,20}(\.[a-z]{1,20}){0,5}$/),
  payload: fc.oneof(bytes(0, 300), fc.constantFrom(255, 256, 65_535).map((length) => new Uint8Array(length).fill(7))),
  qos: fc.constantFrom(0, 1, 2),
  retain: fc.constant(false),
  messageId: bytes(16, 16),
  publisher: bytes(32, 32),
  encoding: fc.constantFrom("json", "bytes"),
  at: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  acknowledge: fc.constantFrom(true, undefined),
}, { noNullPrototype: true }).map((publish) => publish as Publish);

const usualBody = fc.oneof(
  bytes(0, 300),
  fc.constantFrom(255, 256, 65_535).map((length) => new Uint8Array(length).fill(7)),
);

/** A call as callers of ours make it: it goes in the short form. */
export const usualRequest: fc.Arbitrary<RpcRequest> = fc.record({
  kind: fc.constant("rpcRequest" as const),
  requestId: bytes(16, 16),
  procedure: fc.stringMatching(/^[a-z]{1,20}(\.[a-z]{1,20}){0,5}$/),
  args: usualBody,
  fromNode: bytes(32, 32),
  deadlineMs: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  encoding: fc.constantFrom("json", "bytes"),
}, { noNullPrototype: true });

/** Its answer, likewise. */
export const usualReply: fc.Arbitrary<RpcReply> = fc.record({
  kind: fc.constant("rpcReply" as const),
  requestId: bytes(16, 16),
  fromNode: bytes(32, 32),
  result: usualBody,
  encoding: fc.constantFrom("json", "bytes"),
}, { noNullPrototype: true });

/** Without the fields that are `undefined`, and without `frame`. */
export function bare(message: Message): unknown {
  return strip(message);
}

function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || value instanceof Map) return value;
  const entries = Object.entries(value).filter(([name, element]) => element !== undefined && name !== "frame");
  return Object.fromEntries(entries.map(([name, element]) => [name, strip(element)]));
}

function of(kind: string): fc.Arbitrary<unknown> {
  const [, least, most] = /^(?:list of )?(\d+) to (\d+)(?: bytes)?$/.exec(kind) ?? [];
  const [, length] = /^(\d+) bytes$/.exec(kind) ?? [];
  if (length !== undefined) return bytes(Number(length), Number(length));
  if (least !== undefined) {
    if (kind.endsWith("bytes")) return bytes(Number(least), Number(most));
    const one = fc.integer({ min: Number(least), max: Number(most) });
    return kind.startsWith("list") ? fc.array(one, { maxLength: 8 }) : one;
  }
  switch (kind) {
    case "text":
      return text;
    case "boolean":
      return fc.boolean();
    case "bytes":
      return bytes(0, 400);
    case "integer":
      return fc.maxSafeNat();
    case "list of texts":
      return fc.array(text, { maxLength: 20 });
    case "any value":
      return value;
    case "list of any values":
      return fc.array(value, { maxLength: 10 });
    case "map":
      return fc.array(fc.tuple(key, value), { maxLength: 10 }).map((entries) => new Map(entries));
    case "{body, signature}":
      return signedRecord;
    case "publish":
      return messageOf(SCHEMAS.find((schema) => schema.kind === "publish")!);
    case "list of nodes":
      return fc.array(
        fc.record(
          { address: text, endpoint: text, lastSeen: fc.maxSafeNat(), nodeId: bytes(0, 64), record: signedRecord },
          { requiredKeys: ["address", "nodeId"], noNullPrototype: true },
        ),
        { maxLength: 5 },
      );
    default:
      throw new Error(`no arbitrary for ${kind}`);
  }
}
