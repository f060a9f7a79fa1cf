/**
 * By what right a node says something in a record, where the realm asks for credentials: it carries its node's. A hub may
 * state what its edges want and serve, and that it is a hub; an edge what its own credential lets it subscribe to or
 * advertise.
 *
 * @module
 */

import type { Timers } from "../../base/clock.ts";
import type { Failure } from "../../base/protocol.ts";
import { LruMap } from "../../base/lru.ts";
import {
  allows,
  checkCredential,
  type Credential,
  CREDENTIAL_LEEWAY_MS,
  CredentialFault,
  type VerifiedRecord,
} from "../../identity/mod.ts";
import type { Guard } from "./guard.ts";

/** Credentials whose signature was checked: as many as hubs and edges that state something. */
const CREDENTIALS_MAX = 10_000;

/** Holds records against the credentials in them. */
export class RecordRight {
  readonly #guard: Guard;
  readonly #realm: string;
  readonly #timers: Timers;
  readonly #checked = new LruMap<string, Credential>(CREDENTIALS_MAX);

  constructor(guard: Guard, realm: string, timers: Timers) {
    this.#guard = guard;
    this.#realm = realm;
    this.#timers = timers;
  }

  /** Why the record is not to be believed; undefined where it is, or nobody here can say. */
  fault(record: VerifiedRecord): Failure | undefined {
    const { mode, realmKey } = this.#guard;
    if (mode !== "credential" || realmKey === undefined) return undefined; // an edge takes records from its hub alone
    if (record.credential === undefined) {
      return fault("record_without_credential", "it must carry its node's credential");
    }
    const credential = this.#credential(record.credential, record, realmKey);
    if ("code" in credential) return credential;
    const { role, rights } = credential;
    if (record.kind === "node") {
      return record.role === role
        ? undefined
        : fault("record_not_allowed", `its node must be ${record.role}, got ${role}`);
    }
    const [action, name] = record.kind === "interest"
      ? ["subscribe", record.pattern] as const
      : ["advertise", record.procedure] as const;
    if (role === "hub" || allows(rights, action, name)) return undefined;
    return fault("record_not_allowed", `its node must be allowed to ${action} ${name}`);
  }

  /** The signature is checked once, time and revocation each time. */
  #credential(token: string, { node }: VerifiedRecord, realmKey: Uint8Array): Credential | Failure {
    const known = this.#checked.get(token), now = this.#timers.now(), { isRevoked } = this.#guard;
    const isGood = known !== undefined && known.node === node && now < known.expires + CREDENTIAL_LEEWAY_MS;
    if (isGood && !isRevoked(known.id)) return known;
    try {
      const checked = checkCredential(token, { realmKey, realm: this.#realm, node, now, isRevoked });
      this.#checked.set(token, checked);
      return checked;
    } catch (error) {
      if (!(error instanceof CredentialFault)) throw error;
      return { code: `credential_${error.code}`, text: error.message };
    }
  }
}

function fault(code: string, rule: string): Failure {
  return { code, text: `Cannot use the record: ${rule}` };
}
