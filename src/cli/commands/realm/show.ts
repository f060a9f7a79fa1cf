/** `macula realm show` and `export-public`: the realm in force, and its public key. @module */

import { MeshError } from "../../../base/errors.ts";
import { encodeRealmPublicKey, realmKeyId } from "../../../identity/mod.ts";
import { looksLikeTicket, parseRealm, parseTicket } from "../../../names/mod.ts";
import { openStateFolder, readRealmPublicKey } from "../../../store/mod.ts";
import { print, toJson } from "../../output.ts";
import type { Settings } from "../../settings.ts";
import { namedTargets } from "../../target.ts";

/** Prints the realm that a command which attaches would use; with `--json` also the key in the state folder. */
export async function show(settings: Settings): Promise<number> {
  const { environment } = settings, named = settings.realm ?? await ticketRealm(settings);
  const key = await readRealmPublicKey(await openStateFolder(settings.stateDir, { lock: false }));
  const name = named ?? environment.realm() ?? parseRealm(key?.realm ?? environment.text("MACULA_REALM"));
  const ids = key === undefined ? {} : { publicKey: key.publicKey.toHex(), keyId: realmKeyId(key.publicKey) };
  await print(settings.has("json") ? toJson({ realm: name, ...ids }) : name);
  return 0;
}

/** Prints what gateways elsewhere need to check credentials: a file for `--realm-key`, or `realm.pub` in their folder. */
export async function exportPublic(settings: Settings): Promise<number> {
  const folder = await openStateFolder(settings.stateDir, { lock: false }), key = await readRealmPublicKey(folder);
  if (key?.realm === undefined) {
    throw new MeshError(
      "no_realm_key",
      `Cannot export the realm's public key: there is none in ${folder.path}; macula realm init <name> makes one`,
    );
  }
  const { realm, publicKey } = key, hex = publicKey.toHex(), keyId = realmKeyId(publicKey);
  const text = encodeRealmPublicKey(realm, publicKey).trimEnd();
  await print(settings.has("json") ? toJson({ realm, publicKey: hex, keyId }) : text);
  return 0;
}

async function ticketRealm(settings: Settings): Promise<string | undefined> {
  const names = await namedTargets(settings), ticket = names.find((name) => looksLikeTicket(name));
  if (ticket !== undefined) return parseTicket(ticket).realm;
  if (names.length > 0) return undefined;
  const local = await (await openStateFolder(settings.stateDir, { lock: false })).readTicket();
  return local === undefined ? undefined : parseTicket(local).realm;
}
