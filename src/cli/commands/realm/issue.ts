/** `macula realm issue`: a credential for a node. @module */

import { MeshError, ValidationError } from "../../../base/errors.ts";
import { ACTIONS, issueCredential } from "../../../identity/mod.ts";
import { openStateFolder, readRealmKey } from "../../../store/mod.ts";
import { parseDuration } from "../../admission/duration.ts";
import { print, toJson } from "../../output.ts";
import type { Settings } from "../../settings.ts";

/** How long a credential holds where nobody said. */
const STANDARD_TTL = "30d";

/** Prints a credential, alone. */
export async function issue(settings: Settings): Promise<number> {
  const node = settings.text("node"), lifeMs = parseDuration(settings.text("ttl") ?? STANDARD_TTL, "--ttl");
  if (node === undefined) {
    throw new ValidationError(
      "Cannot issue a credential: --node <id> is expected, the 64 digits that macula key show prints on that node",
    );
  }
  const role = settings.choice("role", ["edge", "hub"]) ?? "edge";
  const folder = await openStateFolder(settings.stateDir, { lock: false }), key = await readRealmKey(folder);
  if (key === undefined) {
    throw new MeshError(
      "no_realm_key",
      `Cannot issue a credential: there is no realm key in ${folder.path}; macula realm init <name> makes one`,
    );
  }
  const rights = Object.fromEntries(ACTIONS.map((action) => [action, listOf(settings.text(action))]));
  const request = { realm: key.realm, node, role, rights, now: Date.now(), lifeMs } as const;
  const credential = await issueCredential(key.identity, request);
  await print(settings.has("json") ? toJson({ credential }) : credential);
  return 0;
}

function listOf(text: string | undefined): string[] {
  return text?.split(",").map((one) => one.trim()).filter((one) => one !== "") ?? [];
}
