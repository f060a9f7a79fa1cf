/** What a credential lets a peer do, as the cores ask: verdicts on recent names are kept. @module */

import type { Action, Failure, PeerRights } from "../../base/protocol.ts";
import { ACTIONS, allows, type Credential, CREDENTIAL_LEEWAY_MS, type Rights } from "../../identity/mod.ts";
import { contains } from "../../names/mod.ts";

/** Verdicts that are kept for one link; guess: a client has few topics. */
export const VERDICTS_MAX = 1_000;
/** Patterns that a refusal names. */
const PATTERNS_SHOWN_MAX = 8;
const NAME_SHOWN_MAX = 255;

const NONE: Rights = { publish: [], subscribe: [], call: [], advertise: [] };

const DOING: Readonly<Record<Action, string>> = {
  publish: "publish on",
  subscribe: "subscribe to",
  call: "call",
  advertise: "advertise",
};

/** The rights of one link. */
export class CredentialRights implements PeerRights {
  #rights: Rights;
  #credential: Credential | undefined;
  readonly #isRevoked: (id: string) => boolean;
  readonly #verdicts = new Map<string, Failure | undefined>();

  /** Without a credential nothing is allowed. */
  constructor(credential: Credential | undefined, isRevoked: (id: string) => boolean = () => false) {
    this.#rights = credential?.rights ?? NONE;
    this.#credential = credential;
    this.#isRevoked = isRevoked;
  }

  /** How many verdicts are kept. */
  get size(): number {
    return this.#verdicts.size;
  }

  /** A fresh credential takes the place of the old one. */
  replace(credential: Credential): void {
    this.#rights = credential.rights;
    this.#credential = credential;
    this.#verdicts.clear();
  }

  holds(now: number): boolean {
    const credential = this.#credential;
    return credential !== undefined && now < credential.expires + CREDENTIAL_LEEWAY_MS &&
      !this.#isRevoked(credential.id);
  }

  refusal(action: Action, name: string): Failure | undefined {
    const key = action === "publish" ? name : `${action} ${name}`; // an event costs one look-up; no topic has a space
    const known = this.#verdicts.get(key);
    if (known !== undefined || this.#verdicts.has(key)) return known;
    const verdict = allows(this.#rights, action, name) ? undefined : refusal(this.#rights, action, name);
    if (this.#verdicts.size >= VERDICTS_MAX) this.#verdicts.clear();
    this.#verdicts.set(key, verdict);
    return verdict;
  }
}

/** Whether every right of `old` is also one of `fresh`: else a link that has the old ones cannot simply go on. */
export function covers(fresh: Rights, old: Rights): boolean {
  return ACTIONS.every((action) => old[action].every((one) => fresh[action].some((other) => contains(other, one))));
}

function refusal(rights: Rights, action: Action, name: string): Failure {
  const patterns = rights[action], shown = patterns.slice(0, PATTERNS_SHOWN_MAX).join(", ");
  const allowed = patterns.length === 0 ? "nothing" : patterns.length > PATTERNS_SHOWN_MAX ? `${shown}, …` : shown;
  const text = `Cannot ${DOING[action]} ${
    name.slice(0, NAME_SHOWN_MAX)
  }: the credential allows ${action} on ${allowed}`;
  return { code: "not_allowed", text };
}
