/**
 * What an edge shows and who it is then, where its program leaves that to the environment and the state folder. A
 * credential belongs to a key: the two are found together, or not at all.
 *
 * @module
 */

import { ValidationError } from "../base/errors.ts";
import type { Timers } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import {
  createIdentity,
  CredentialFault,
  generateSeed,
  type Identity,
  type NodeId,
  parseKeyFile,
  readCredential,
} from "../identity/mod.ts";
import { type Auth, edgeGuard, type Guard, OPEN, ruleOf } from "../link/admission/guard.ts";
import type { Logger } from "../mesh/options.ts";
import type { Environment, Values, VariableName } from "../node/environment.ts";
import { localKey } from "../node/runtime.ts";
import { openCredentialFile } from "./credential_file.ts";

/** What the program said. */
export interface Said {
  readonly auth: Auth | undefined;
  readonly identity: Identity | undefined;
}

/** What there is where it said nothing. */
export interface AuthMeans {
  readonly environment: Environment;
  /** The variables that say where the state folder is. */
  readonly values: Values;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
}

/** What is shown, and by whom. */
export interface OwnAuth {
  readonly guard: Guard;
  readonly identity: Identity;
  /** Watches the credential's file no longer. */
  close(): void;
}

const VARIABLES = ["MACULA_TOKEN", "MACULA_CREDENTIAL", "MACULA_CREDENTIAL_FILE"] as const;

/** Finds both; rejects with `ValidationError` where either is wrong, or the credential that of another node than the key. */
export async function ownAuth(said: Said, means: AuthMeans): Promise<OwnAuth> {
  if (said.auth !== undefined) return await fixed(said.auth, said, means);
  const { environment } = means,
    names = VARIABLES.filter((name) => environment.get(name) !== undefined),
    [name] = names;
  if (names.length > 1) {
    throw new ValidationError(`Cannot connect: one of ${VARIABLES.join(", ")} is expected, got ${names.join(" and ")}`);
  }
  if (name === undefined) return { guard: OPEN, identity: await identityOf(said, means), close() {} };
  const value = environment.get(name)!;
  if (name === "MACULA_CREDENTIAL_FILE") return await byFile(value, said, means);
  if (name === "MACULA_TOKEN") return await fixed({ token: value }, said, means);
  const node = nodeOf(value, name), own = await fixed({ credential: value }, said, means);
  mustBelong(node, own.identity, name);
  return own;
}

/** What does not change. */
async function fixed(auth: Auth, said: Said, means: AuthMeans): Promise<OwnAuth> {
  const guard = edgeGuard(auth);
  return { guard, identity: await identityOf({ ...said, auth }, means), close() {} };
}

async function byFile(path: string, said: Said, means: AuthMeans): Promise<OwnAuth> {
  const name = "MACULA_CREDENTIAL_FILE", { timers, logger } = means;
  let identity: Identity | undefined;
  const check = (credential: string) => {
    const node = nodeOf(credential, name);
    if (identity !== undefined) mustBelong(node, identity, name);
  };
  const file = await openCredentialFile(path, { check, doing: `use ${name}`, timers, logger });
  try {
    const auth = { credential: () => file.value };
    identity = await identityOf({ ...said, auth }, means);
    mustBelong(nodeOf(file.value, name), identity, name);
    return { guard: edgeGuard(auth), identity, close: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** What the program said; with a credential the key of the state folder; else a fresh one. */
async function identityOf({ auth, identity }: Said, { values, random }: AuthMeans): Promise<Identity> {
  if (identity !== undefined) return identity;
  const { credential } = auth ?? {}, shown = typeof credential === "function" ? credential() : credential;
  if (credential === undefined) return createIdentity(generateSeed(random));
  const node = shown === undefined ? undefined : nodeOf(shown, "auth.credential"), key = await localKey(values);
  if (key.text === undefined) {
    throw new ValidationError(
      `Cannot connect: a credential needs the key of its node${node === undefined ? "" : ` ${node}`}; give it as ` +
        `identity, or say with MACULA_STATE_DIR where it is, got none in ${key.path}`,
    );
  }
  const found = parseKeyFile(key.text, key.path);
  if (node !== undefined && node !== found.id) {
    throw new ValidationError(
      `Cannot connect: the credential is for the node ${node}, got the key of ${found.id} in ${key.path}; give the ` +
        "right one as identity, or its folder with MACULA_STATE_DIR",
    );
  }
  return found;
}

function mustBelong(node: NodeId, identity: Identity, name: VariableName): void {
  if (node === identity.id) return;
  throw new ValidationError(
    `Cannot connect: the credential of ${name} is for the node ${node}, got the identity ${identity.id}; give the ` +
      "right identity, or another credential as auth",
  );
}

function nodeOf(credential: string, name: string): NodeId {
  try {
    return readCredential(credential).node;
  } catch (error) {
    if (!(error instanceof CredentialFault)) throw error;
    throw new ValidationError(`Cannot use ${name}: ${ruleOf(error)}`);
  }
}
