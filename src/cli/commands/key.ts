/** `macula key`: who a node is. @module */

import { concatBytes, toBase64 } from "../../base/bytes.ts";
import { MeshError, ValidationError } from "../../base/errors.ts";
import { encodeKeyFile, type Identity, parseKeyFile, SPKI_PREFIX } from "../../identity/mod.ts";
import { openStateFolder, replaceFile } from "../../store/mod.ts";
import { keyFlag, newIdentity } from "../identity.ts";
import { print, toJson } from "../output.ts";
import type { Settings } from "../settings.ts";

/** Shows a node's id or public key, or makes a new key. */
export async function key(settings: Settings): Promise<number> {
  const [action = "show", path] = settings.positionals;
  if (path !== undefined && action !== "new") {
    throw new ValidationError(
      `Cannot use ${JSON.stringify(path)}: macula key ${action} takes no file, use --key <file>`,
    );
  }
  switch (action) {
    case "show":
      return await show(settings, await existing(settings));
    case "new":
      return await show(settings, await make(settings, path));
    case "export-public":
      return await exportPublic(settings, await existing(settings));
  }
  throw new ValidationError(
    `Cannot run macula key ${action}: show, new or export-public is expected, got ${JSON.stringify(action)}`,
  );
}

async function existing(settings: Settings): Promise<Identity> {
  const named = await keyFlag(settings);
  if (named !== undefined) return named;
  const folder = await openStateFolder(settings.stateDir, { lock: false }), text = await folder.readKey();
  if (text !== undefined) return parseKeyFile(text, folder.keyPath);
  throw new MeshError("no_key", `Cannot show the key: there is none in ${folder.path}; macula key new makes one`);
}

async function make(settings: Settings, path: string | undefined): Promise<Identity> {
  const identity = newIdentity(), text = encodeKeyFile(identity);
  if (settings.has("key")) {
    throw new ValidationError("Cannot use --key with key new: the file is its argument, as in macula key new <file>");
  }
  if (path !== undefined) await replaceFile(path, text, { mode: 0o600, replace: false });
  else await (await openStateFolder(settings.stateDir, { lock: false })).writeKey(text);
  return identity;
}

async function show(settings: Settings, { id }: Identity): Promise<number> {
  await print(settings.has("json") ? toJson({ id }) : id);
  return 0;
}

async function exportPublic(settings: Settings, { id, publicKey }: Identity): Promise<number> {
  const base64 = toBase64(concatBytes(SPKI_PREFIX, publicKey));
  const pem = `-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----`;
  await print(settings.has("json") ? toJson({ id, publicKey: toBase64(publicKey) }) : pem);
  return 0;
}
