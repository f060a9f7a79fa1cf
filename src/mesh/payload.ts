/** What applications send, as bytes: JSON by default, a `Uint8Array` as it is. @module */

import { fromUtf8, utf8 } from "../base/bytes.ts";
import { ValidationError } from "../base/errors.ts";
import type { Slab } from "../base/slab.ts";
import type { Publish } from "../wire/mod.ts";

/** Bytes and how they are meant. */
export interface Payload {
  readonly bytes: Uint8Array;
  readonly encoding: "json" | "bytes";
}

/** No value at all: what deletes a retained event. */
export const NO_DATA: Payload = { bytes: new Uint8Array(0), encoding: "json" };

/**
 * Turns a value into bytes; `doing` begins the error sentence. What JSON does to a value it does here too: `undefined`
 * travels as `null`, a `Map` as `{}`, and bytes inside an object as an object of numbers: send these as base64.
 */
export function encodePayload(value: unknown, doing: string, bytesMax: number): Payload {
  const payload: Payload = value instanceof Uint8Array
    ? { bytes: value, encoding: "bytes" }
    : { bytes: utf8(toJson(value, doing)), encoding: "json" };
  if (payload.bytes.length > bytesMax) {
    throw new ValidationError(`Cannot ${doing}: a body has at most ${bytesMax} bytes, got ${payload.bytes.length}`);
  }
  return payload;
}

/**
 * Turns bytes into the value; without `encoding` the original's rule applies: JSON if it is, else bytes. JSON of no
 * bytes is `undefined`. Bytes are given as they are, no copy: who hands in a part of the network's buffers copies it
 * first.
 */
export function decodePayload(bytes: Uint8Array, encoding: string | undefined): unknown {
  if (encoding === "bytes") return bytes;
  if (encoding === "json" && bytes.length === 0) return undefined;
  try {
    return JSON.parse(fromUtf8(bytes));
  } catch {
    return bytes;
  }
}

/** An event that was published here, for a subscription here: who published it may write to its bytes afterwards. */
export function ownEvent(publish: Publish, slab: Slab): Publish {
  const { payload, messageId, publisher } = publish;
  return {
    ...publish,
    payload: slab.copy(payload),
    messageId: slab.copy(messageId),
    ...publisher && { publisher: slab.copy(publisher) },
  };
}

/** A value as JSON; throws `ValidationError`, whose sentence `doing` begins. */
export function toJson(value: unknown, doing: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value ?? null);
  } catch (cause) {
    throw new ValidationError(
      `Cannot ${doing}: a JSON value or a Uint8Array is expected, got one that JSON does not take (${
        firstLine(cause)
      })`,
    );
  }
  if (text === undefined) {
    throw new ValidationError(`Cannot ${doing}: a JSON value or a Uint8Array is expected, got a ${typeof value}`);
  }
  return text;
}

/** The first line of what V8 says of a value: the others draw a circle. */
function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split("\n")[0]!;
}
