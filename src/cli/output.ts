/** What the command line prints: results on standard output, everything else on standard error. @module */

import { toBase64 } from "../base/bytes.ts";
import { VERSION } from "../gateway/version.ts";
import type { Logger } from "../mesh/options.ts";
import { LOG_LEVELS, type LogLevel, type Settings } from "./settings.ts";

/** Nobody reads standard output any more. */
export class OutputClosed extends Error {}

/** Writes a line to standard output, whole; rejects with `OutputClosed`. */
export async function print(line: string): Promise<void> {
  const bytes = new TextEncoder().encode(`${line}\n`);
  try {
    for (let written = 0; written < bytes.length;) written += await Deno.stdout.write(bytes.subarray(written));
  } catch (error) {
    if (isClosedPipe(error)) throw new OutputClosed();
    throw error;
  }
}

/** Writes a line to standard error; a closed one is no reason to fail. */
export function say(line: string): void {
  const bytes = new TextEncoder().encode(`${printable(line)}\n`);
  try {
    for (let written = 0; written < bytes.length;) written += Deno.stderr.writeSync(bytes.subarray(written));
  } catch {
    // nobody reads it
  }
}

/** A value as one line of JSON; bytes as `{"base64":"…"}`. */
export function toJson(value: unknown): string {
  return printable(JSON.stringify(value instanceof Uint8Array ? { base64: toBase64(value) } : value ?? null));
}

/** What steers a terminal or turns the direction of writing: the C0 and C1 controls but the line's end, and bidi marks. */
// deno-lint-ignore no-control-regex -- these are what is looked for
const STEERING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** A text of somebody else, with `\u001b` in the place of what a terminal would obey; in JSON the value is the same. */
export function printable(text: string): string {
  return text.replace(STEERING, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Prints the version. */
export async function printVersion(settings: Settings): Promise<number> {
  await print(settings.has("json") ? toJson({ version: VERSION, deno: Deno.version.deno }) : `macula ${VERSION}`);
  return 0;
}

/** Lines on standard error: `time level message key=value`, or JSON. */
export function stderrLogger(level: LogLevel, json: boolean): Logger {
  const most = LOG_LEVELS.indexOf(level);
  const at = (name: LogLevel) => {
    if (LOG_LEVELS.indexOf(name) > most) return () => {};
    return (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      const time = new Date().toISOString();
      if (json) return say(JSON.stringify({ at: time, level: name, message, ...fields }));
      const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${plain(value)}`);
      say(`${time} ${name} ${message}${pairs.join("")}`);
    };
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function plain(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  return typeof value === "string" && /[\s"]/.test(text) ? JSON.stringify(text) : text;
}

function isClosedPipe(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BadResource;
}
