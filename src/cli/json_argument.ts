/** JSON that is typed, or comes on standard input. @module */

import { ValidationError } from "../base/errors.ts";

/** The value of a JSON text, `-` for what standard input holds; `doing` begins the error sentence. */
export async function jsonArgument(argument: string, doing: string): Promise<unknown> {
  const text = argument === "-" ? await new Response(Deno.stdin.readable).text() : argument;
  try {
    return JSON.parse(text);
  } catch {
    const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
    const cure = /^[\w .-]+$/.test(text) ? `; a text is quoted twice, as in '"${text.slice(0, 20)}"'` : "";
    throw new ValidationError(`Cannot ${doing}: JSON is expected, got ${shown}${cure}`);
  }
}
