/**
 * Labels: what a node says of itself to those who look for one, such as `site: "kitchen"`. Nobody proves them: they are
 * the node's own word. Between nodes they travel as the text of a JSON object.
 *
 * @module
 */

import { utf8 } from "../base/bytes.ts";
import { ValidationError } from "../base/errors.ts";

/** A node's labels by name; frozen. */
export type Labels = Readonly<Record<string, string>>;

/** Bounds of one node's labels: how many, characters of a name and of a value, bytes of their JSON text. */
export const LABELS_MAX = 16, LABEL_NAME_MAX = 63, LABEL_VALUE_MAX = 255, LABELS_BYTES_MAX = 2_048;

const NAME = /^[A-Za-z0-9_.-]+$/;
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** The labels that an application gives; none is undefined. Throws `ValidationError`; `doing` begins its sentence. */
export function checkLabels(doing: string, given: unknown): Labels | undefined {
  if (given === undefined) return undefined;
  const fault = labelsFault(given);
  if (fault !== undefined) throw new ValidationError(`Cannot ${doing}: ${fault}`);
  return frozen(given as Labels);
}

/** The labels in what another node says; undefined where it says none, "bad" where they break a bound. */
export function readLabels(said: unknown): Labels | undefined | "bad" {
  if (said === undefined) return undefined;
  return labelsFault(said) === undefined ? frozen(said as Labels) : "bad";
}

/** The same of the text that travels. */
export function parseLabels(text: string | undefined): Labels | undefined | "bad" {
  if (text === undefined) return undefined;
  if (text.length > LABELS_BYTES_MAX) return "bad";
  try {
    return readLabels(JSON.parse(text));
  } catch {
    return "bad";
  }
}

/** None are the same as no labels, so that nobody has to tell them apart. */
function frozen(labels: Labels): Labels | undefined {
  const entries = Object.entries(labels);
  return entries.length === 0 ? undefined : Object.freeze(Object.fromEntries(entries));
}

function labelsFault(given: unknown): string | undefined {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    return `labels is an object of texts, got ${
      Array.isArray(given) ? "an array" : given === null ? "null" : typeof given
    }`;
  }
  const entries = Object.entries(given);
  if (entries.length > LABELS_MAX) return `a node has at most ${LABELS_MAX} labels, got ${entries.length}`;
  for (const [name, value] of entries as [string, unknown][]) {
    if (name.length > LABEL_NAME_MAX || !NAME.test(name)) {
      return `a label's name has 1 to ${LABEL_NAME_MAX} of A-Z a-z 0-9 _ . -, got ${shown(name)}`;
    }
    if (typeof value !== "string") return `label ${name} is a text, got ${value === null ? "null" : typeof value}`;
    if (value.length > LABEL_VALUE_MAX || CONTROL.test(value) || !value.isWellFormed()) {
      return `label ${name} has at most ${LABEL_VALUE_MAX} printable characters, got ${shown(value)}`;
    }
  }
  const bytes = utf8(JSON.stringify(given)).length;
  return bytes > LABELS_BYTES_MAX
    ? `all labels have at most ${LABELS_BYTES_MAX} bytes as JSON, got ${bytes}`
    : undefined;
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
