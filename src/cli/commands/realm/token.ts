/** `macula realm token`: a secret for a realm whose admission is `token`. @module */

import { systemRandom } from "../../../node/runtime.ts";
import { print, toJson } from "../../output.ts";
import type { Settings } from "../../settings.ts";

const TOKEN_BYTES = 32;

/** Prints a fresh token: 256 random bits. It is kept nowhere. */
export async function token(settings: Settings): Promise<number> {
  let text: string;
  do { // one that begins with a dash would look like a flag behind --token
    text = systemRandom().bytes(TOKEN_BYTES).toBase64({ alphabet: "base64url", omitPadding: true });
  } while (text.startsWith("-"));
  await print(settings.has("json") ? toJson({ token: text }) : text);
  return 0;
}
