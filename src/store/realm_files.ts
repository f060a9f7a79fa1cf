/** A realm's key in the state folder: `realm.key` where credentials are issued, `realm.pub` where they are only checked. @module */

import { ValidationError } from "../base/errors.ts";
import {
  encodeRealmKey,
  parseRealmKey,
  parseRealmPublicKey,
  type RealmKey,
  type RealmPublicKey,
} from "../identity/mod.ts";
import { damagedState } from "./state_file.ts";
import type { StateFolder } from "./state_folder.ts";

const KEY_FILE = "realm.key", PUBLIC_FILE = "realm.pub";

/** The realm's key pair; `undefined` where there is none. Fails with `key_exposed` and `key_damaged`. */
export async function readRealmKey(folder: StateFolder): Promise<RealmKey | undefined> {
  const text = await folder.readSecret(KEY_FILE);
  return text === undefined ? undefined : parseRealmKey(text, folder.pathOf(KEY_FILE));
}

/** Writes the realm's key for its owner alone; fails with `state_exists` where there is one already. */
export async function createRealmKey(folder: StateFolder, key: RealmKey): Promise<void> {
  await folder.createSecret(KEY_FILE, encodeRealmKey(key));
}

/** The realm's public key, from the key pair or the file that an operator put there; `undefined` where there is neither. */
export async function readRealmPublicKey(folder: StateFolder): Promise<RealmPublicKey | undefined> {
  const own = await readRealmKey(folder);
  if (own !== undefined) return { realm: own.realm, publicKey: own.identity.publicKey };
  const text = await folder.readText(PUBLIC_FILE), path = folder.pathOf(PUBLIC_FILE);
  if (text === undefined) return undefined;
  try {
    return parseRealmPublicKey(text, path);
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    throw damagedState(path, "it must be what macula realm export-public prints", error);
  }
}
