/** Errors as the user of a terminal meets them: one line, and an exit code. @module */

import { MeshError, RefusedError, RemoteError } from "../base/errors.ts";
import { OutputClosed } from "./output.ts";

/** What the program exits with. */
export const EXIT = { done: 0, failed: 1, usage: 2, nobody: 3, refused: 4 } as const;

/** Nobody answered: no provider, none that is known of as too few gateways answered, or no answer in time. */
const NOBODY: ReadonlySet<string> = new Set([
  "timeout",
  "no_provider",
  "unavailable",
  "no_handler",
  "provider_lost",
  "connection_lost",
  "unreachable",
  "node_unreachable",
]);
/** What the user typed, or left out, cannot be right. */
const USAGE: ReadonlySet<string> = new Set(["invalid", "no_target", "restart_denied"]);

/** Characters of an error that are shown: it may come from somebody else. */
const SENTENCE_MAX = 4_096;

/** The exit code for what a command rejected with. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof OutputClosed) return EXIT.done;
  if (!(error instanceof MeshError) || error instanceof RemoteError) return EXIT.failed;
  if (NOBODY.has(error.code)) return EXIT.nobody;
  if (USAGE.has(error.code)) return EXIT.usage;
  return error instanceof RefusedError ? EXIT.refused : EXIT.failed;
}

/** The line for standard error, undefined where there is nothing to say; with `stack`, where it came from below it. */
export function failureText(error: unknown, options: { readonly stack: boolean }): string | undefined {
  if (error instanceof OutputClosed) return undefined;
  const sentence = sentenceOf(error).replace(/\s*\n\s*/g, " ").trim();
  const line = `macula: ${sentence.length > SENTENCE_MAX ? `${sentence.slice(0, SENTENCE_MAX - 1)}…` : sentence}`;
  if (!options.stack || !(error instanceof Error)) return line;
  const causes: string[] = [];
  for (let one: unknown = error; one instanceof Error; one = one.cause) causes.push(one.stack ?? one.message);
  return [line, ...causes].join("\n");
}

function sentenceOf(error: unknown): string {
  if (error instanceof RemoteError) return `${error.code}: ${error.message}`;
  if (error instanceof MeshError) return error.message;
  // No error of ours: its class says what its message often leaves out.
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
