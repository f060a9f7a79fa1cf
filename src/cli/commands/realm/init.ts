/** `macula realm init`: a realm's key, made once. @module */

import { parseRealm } from "../../../names/mod.ts";
import { createRealmKey, openStateFolder } from "../../../store/mod.ts";
import { newIdentity } from "../../identity.ts";
import { print, toJson } from "../../output.ts";
import type { Settings } from "../../settings.ts";

/** Makes the key of a realm in the state folder, and prints what others may know of it. */
export async function init(settings: Settings): Promise<number> {
  const realm = parseRealm(settings.positionals[1] ?? ""), identity = newIdentity();
  await createRealmKey(await openStateFolder(settings.stateDir, { lock: false }), { realm, identity });
  const publicKey = identity.publicKey.toHex(), keyId = identity.id;
  if (settings.has("json")) await print(toJson({ realm, publicKey, keyId }));
  else await print(`realm ${realm}\npublic-key ${publicKey}\nkey-id ${keyId}`);
  return 0;
}
