/** Between MessagePack values of the original and JSON. @module */

import { fromUtf8, utf8 } from "../base/bytes.ts";
import type { Value, ValueMap } from "../wire/mod.ts";

/** Whether bytes are a JSON text. */
export function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(fromUtf8(bytes));
    return true;
  } catch {
    return false;
  }
}

/** Arguments or a result as JSON text: a bin is such a text already (the original's habit), anything else is turned into one. */
export function jsonBytes(value: Value): Uint8Array {
  return value instanceof Uint8Array ? value : utf8(JSON.stringify(jsonOf(value)));
}

/** The JSON value of a MessagePack value: bins are texts where they are UTF-8, else base64. */
export function jsonOf(value: Value): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Uint8Array) {
    try {
      return fromUtf8(value);
    } catch {
      return value.toBase64();
    }
  }
  if (value instanceof Map) return Object.fromEntries([...value as ValueMap].map(([key, one]) => [key, jsonOf(one)]));
  return Array.isArray(value) ? (value as readonly Value[]).map(jsonOf) : value;
}
