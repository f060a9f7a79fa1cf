/** `macula realm inspect`: what a credential says, and whether it holds. @module */

import { checkCredential, CredentialFault, readCredential } from "../../../identity/mod.ts";
import { openStateFolder, readRealmPublicKey, RevocationList } from "../../../store/mod.ts";
import { systemTimers } from "../../../node/runtime.ts";
import { credentialArgument } from "../../admission/credential_text.ts";
import { namedRealmKey } from "../../admission/realm_key.ts";
import { EXIT } from "../../failure.ts";
import { print, toJson } from "../../output.ts";
import type { Settings } from "../../settings.ts";

/** Prints a credential's header and claims, and the verdict: `valid`, why not, or `unchecked` without the realm's key. */
export async function inspect(settings: Settings): Promise<number> {
  const token = await credentialArgument(settings.positionals[1] ?? ""), { notBefore, expires } = readCredential(token);
  const { decodeJwt, decodeProtectedHeader } = await import("jose");
  const { verdict, reason } = await judge(settings, token);
  await print(toJson({
    verdict,
    ...(reason === undefined ? {} : { reason }),
    header: decodeProtectedHeader(token),
    claims: decodeJwt(token),
    notBefore: timeText(notBefore),
    expires: timeText(expires),
  }));
  return verdict === "valid" || verdict === "unchecked" ? EXIT.done : EXIT.failed;
}

async function judge(settings: Settings, token: string): Promise<{ verdict: string; reason?: string }> {
  const folder = await openStateFolder(settings.stateDir, { lock: false });
  const key = await namedRealmKey(settings) ?? await readRealmPublicKey(folder), said = readCredential(token);
  if (key === undefined) {
    const cure = "give it with --realm-key, or with --state-dir the folder that has it";
    return { verdict: "unchecked", reason: `the realm's public key is not known here; ${cure}` };
  }
  using list = await RevocationList.open(folder, { timers: systemTimers(), onFailure: () => {} });
  try {
    const { realm = said.realm, publicKey: realmKey } = key, isRevoked = (id: string) => list.isRevoked(id);
    checkCredential(token, { realmKey, realm, node: said.node, now: Date.now(), isRevoked });
    return { verdict: "valid" };
  } catch (error) {
    if (!(error instanceof CredentialFault)) throw error;
    return { verdict: error.code, reason: error.message.replace(/^Cannot accept the credential: /, "") };
  }
}

/** RFC 3339; undefined, and so left out, for a time that no calendar has. */
function timeText(ms: number): string | undefined {
  return ms <= 8.64e15 ? new Date(ms).toISOString() : undefined;
}
