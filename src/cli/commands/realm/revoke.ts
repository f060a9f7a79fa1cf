/** `macula realm revoke`: a credential that is to hold no longer. @module */

import { MeshError, ValidationError } from "../../../base/errors.ts";
import { checkCredential, isCredentialId, readCredential } from "../../../identity/mod.ts";
import { openStateFolder, readRealmPublicKey, revoke, type StateFolder } from "../../../store/mod.ts";
import { credentialArgument } from "../../admission/credential_text.ts";
import { print, toJson } from "../../output.ts";
import type { Settings } from "../../settings.ts";

/** Adds a credential to the revocation list, which the gateways of this state folder read again within seconds. */
export async function revokeCredential(settings: Settings): Promise<number> {
  const argument = settings.positionals[1] ?? "";
  const folder = await openStateFolder(settings.stateDir, { lock: false });
  const credential = isCredentialId(argument) ? { id: argument } : await ofToken(argument, folder);
  await revoke(folder, credential, Date.now());
  await print(settings.has("json") ? toJson({ revoked: credential.id }) : `revoked ${credential.id}`);
  return 0;
}

/** The credential of a token; one of another realm's key is refused: revoking it here would have no effect. */
async function ofToken(argument: string, folder: StateFolder): Promise<{ id: string; expires: number }> {
  try {
    const token = await credentialArgument(argument), said = readCredential(token);
    const key = await readRealmPublicKey(folder), { realm, node, notBefore: now } = said;
    if (key === undefined) return said;
    return checkCredential(token, { realmKey: key.publicKey, realm, node, now, isRevoked: () => false });
  } catch (error) {
    if (!(error instanceof MeshError)) throw error;
    const rule = error.message.replace(/^Cannot accept the credential: /, "");
    throw new ValidationError(`Cannot revoke a credential: it is one of this realm, or its id: ${rule}`);
  }
}
