/** The credential or token that a command shows, from flags or the environment; a file of one is watched. @module */

import type { Timers } from "../../base/clock.ts";
import { ValidationError } from "../../base/errors.ts";
import { openCredentialFile } from "../../edge/credential_file.ts";
import { type Identity, readCredential } from "../../identity/mod.ts";
import type { Auth } from "../../link/admission/guard.ts";
import type { Logger } from "../../mesh/options.ts";
import type { Settings } from "../settings.ts";

/** What was given: one of them, or nothing. */
export interface Given {
  readonly kind: "token" | "credential" | "file";
  /** The text, or the file's path. */
  readonly value: string;
}

/** What flags, else the environment, give; throws `ValidationError` where it is more than one. */
export function givenAuth(settings: Settings): Given | undefined {
  const { environment } = settings, flags = ["token", "credential", "credential-file"] as const;
  const byFlag = flags.some((flag) => settings.has(flag));
  const values = {
    token: environment.get("MACULA_TOKEN"),
    credential: environment.get("MACULA_CREDENTIAL"),
    "credential-file": environment.get("MACULA_CREDENTIAL_FILE"),
  };
  const given = flags.filter((flag) => byFlag ? settings.has(flag) : values[flag] !== undefined);
  if (given.length > 1) {
    const names = given.map((flag) => byFlag ? `--${flag}` : `MACULA_${flag.toUpperCase().replace("-", "_")}`);
    throw new ValidationError(`Cannot use ${names.join(" and ")} together: one of them is expected`);
  }
  const [flag] = given;
  if (flag === undefined) return undefined;
  return { kind: flag === "credential-file" ? "file" : flag, value: values[flag] ?? "" };
}

/** What a node shows, kept up to date until it is disposed of. */
export interface Showing extends Disposable {
  readonly auth: Auth;
}

/** Makes what was given ready to be shown by `identity`; throws `ValidationError` where that is another node's. */
export async function showing(
  given: Given,
  { identity, timers, logger }: {
    readonly identity: Identity | undefined;
    readonly timers: Timers;
    readonly logger: Logger;
  },
): Promise<Showing> {
  if (given.kind === "token") return fixed({ token: given.value });
  const check = (credential: string) =>
    asTyped(() => {
      const { node } = readCredential(credential);
      if (identity === undefined || node === identity.id) return;
      throw new ValidationError(
        `Cannot use the credential: it is for the node ${node}, got the key of ${identity.id}; give the right --key`,
      );
    });
  if (given.kind === "file") {
    const file = await openCredentialFile(given.value, { check, doing: "read the credential", timers, logger });
    return { auth: { credential: () => file.value }, [Symbol.dispose]: () => file.close() };
  }
  const credential = given.value.trim();
  check(credential);
  return fixed({ credential });
}

function fixed(auth: Auth): Showing {
  return { auth, [Symbol.dispose]() {} };
}

/** What somebody typed, or wrote into a file, is a usage error where it is no credential at all. */
function asTyped(check: () => void): void {
  try {
    check();
  } catch (error) {
    const rule = (error as Error).message.replace(/^Cannot (accept|use) the credential: /, "");
    throw new ValidationError(`Cannot use the credential: ${rule}`);
  }
}
