/** Topics: what kind of event something is. @module */

import { ValidationError } from "../base/errors.ts";

declare const topicBrand: unique symbol;

/** A topic that keeps the rule: at most 255 bytes, 1 to 32 segments `[A-Za-z0-9_-]+` joined by dots. */
export type Topic = string & { readonly [topicBrand]: true };

/** Longest topic, pattern, procedure or realm, in bytes. All of them are ASCII: a character is a byte. */
export const NAME_BYTES_MAX = 255;

/** Most segments of a topic, pattern, procedure or realm. */
export const NAME_SEGMENTS_MAX = 32;

const NAME = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;

/** The topic that `text` names; throws `ValidationError` when it breaks the rule. */
export function parseTopic(text: string): Topic {
  const fault = nameFault(text);
  if (fault !== undefined) throw new ValidationError(`Cannot use as a topic: ${fault}`);
  return text as Topic;
}

/** Whether `text` is a topic. */
export function isTopic(text: string): text is Topic {
  return nameFault(text) === undefined;
}

/** Which rule of names `text` breaks and how, or `undefined`. The rule is the same for topics, procedures and realms. */
export function nameFault(text: string): string | undefined {
  const length = lengthFault(text);
  if (length !== undefined) return length;
  return NAME.test(text) ? undefined : `its segments are letters, digits, - and _, joined by dots, got ${quote(text)}`;
}

/** Which bound of length `text` breaks, or `undefined`. */
export function lengthFault(text: string): string | undefined {
  if (typeof text !== "string") return `it is a text, got ${text === null ? "null" : typeof text}`;
  if (text.length > NAME_BYTES_MAX) return `it has at most ${NAME_BYTES_MAX} bytes, got ${text.length}`;
  let segments = 1;
  for (let i = text.indexOf("."); i >= 0; i = text.indexOf(".", i + 1)) segments++;
  if (segments > NAME_SEGMENTS_MAX) return `it has at most ${NAME_SEGMENTS_MAX} segments, got ${segments}`;
  return undefined;
}

/** A text as an error shows it: quoted, escaped and of bounded length. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? text.slice(0, 79) + "…" : text);
}
