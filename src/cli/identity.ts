/** Keys in files: a node's own in its state folder, or one that the user names. @module */

import { ValidationError } from "../base/errors.ts";
import { createIdentity, encodeKeyFile, generateSeed, type Identity, parseKeyFile } from "../identity/mod.ts";
import { systemRandom } from "../node/runtime.ts";
import { openStateFolder, readSecret, type StateFolder } from "../store/mod.ts";
import type { Settings } from "./settings.ts";

/** The node of the file that `--key` names; undefined where it was not given. */
export async function keyFlag(settings: Settings): Promise<Identity | undefined> {
  const path = settings.text("key");
  return path === undefined ? undefined : await keyOf(path);
}

/** The node of a key file. */
export async function keyOf(path: string): Promise<Identity> {
  const text = await readSecret(path);
  if (text !== undefined) return parseKeyFile(text, path);
  throw new ValidationError(`Cannot read the node key: there is no file ${path}; macula key new ${path} makes one`);
}

/** The node that shows a credential where no `--key` was given: that of the state folder, which must be there. */
export async function credentialIdentity(settings: Settings): Promise<Identity> {
  const folder = await openStateFolder(settings.stateDir, { lock: false }), text = await folder.readKey();
  if (text !== undefined) return parseKeyFile(text, folder.keyPath);
  throw new ValidationError(
    `Cannot use a credential: it needs the key of its node, give it with --key; there is none in ${folder.path}`,
  );
}

/** The node of a state folder; its key is made where there is none. */
export async function folderIdentity(folder: StateFolder): Promise<Identity> {
  const text = await folder.readKey();
  if (text !== undefined) return parseKeyFile(text, folder.keyPath);
  const identity = newIdentity();
  await folder.writeKey(encodeKeyFile(identity));
  return identity;
}

/** A new node. */
export function newIdentity(): Identity {
  return createIdentity(generateSeed(systemRandom()));
}
