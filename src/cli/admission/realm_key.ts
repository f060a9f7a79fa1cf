/** The realm's public key that `--realm-key` or `MACULA_REALM_KEY` names. @module */

import { ValidationError } from "../../base/errors.ts";
import { parseRealmPublicKey, type RealmPublicKey } from "../../identity/mod.ts";
import { readWhole } from "../../store/mod.ts";
import type { Settings } from "../settings.ts";

/** The file that it names; undefined where it is the key itself, or nothing was named. */
export function realmKeyFile(settings: Settings): string | undefined {
  const text = settings.environment.get("MACULA_REALM_KEY");
  return text === undefined || isHexKey(text) ? undefined : text;
}

/** The key, from 64 hexadecimal digits or a file; undefined where nothing was named. */
export async function namedRealmKey(settings: Settings): Promise<RealmPublicKey | undefined> {
  const text = settings.environment.get("MACULA_REALM_KEY");
  if (text === undefined) return undefined;
  const what = settings.has("realm-key") ? "--realm-key" : "MACULA_REALM_KEY";
  if (isHexKey(text)) return parseRealmPublicKey(text, what);
  const content = await readWhole(text);
  if (content !== undefined) return parseRealmPublicKey(content, `${what} ${text}`);
  throw new ValidationError(
    `Cannot use ${what}: 64 hexadecimal digits or a file is expected, there is no file ${text.slice(0, 200)}`,
  );
}

function isHexKey(text: string): boolean {
  return /^[0-9a-f]{64}$/i.test(text);
}
