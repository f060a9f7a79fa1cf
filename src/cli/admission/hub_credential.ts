/** A gateway that has its realm's private key issues its own credential: short-lived, and renewed at half its life. @module */

import type { Timers } from "../../base/clock.ts";
import { type Identity, issueCredential, readCredential, type RealmKey } from "../../identity/mod.ts";
import type { Logger } from "../../mesh/options.ts";

/** How long one holds: a stolen state folder aside, nobody need revoke it, ms. */
export const HUB_CREDENTIAL_MS = 24 * 3_600_000;
const LOOK_MS = 600_000;
const EVERYTHING: readonly string[] = ["**"];

/** What it is made with. */
export interface HubCredentialOptions {
  readonly key: RealmKey;
  readonly identity: Identity;
  readonly timers: Timers;
  readonly logger: Logger;
}

/** A gateway's own credential over time. */
export class HubCredential implements Disposable {
  readonly #options: HubCredentialOptions;
  #token: string;
  #cancel: () => void = () => {};
  #closed = false;

  private constructor(options: HubCredentialOptions, token: string) {
    this.#options = options;
    this.#token = token;
    this.#wait();
  }

  /** Issues the first one. */
  static async open(options: HubCredentialOptions): Promise<HubCredential> {
    return new HubCredential(options, await issue(options));
  }

  /** The one that holds now. */
  get token(): string {
    return this.#token;
  }

  /** Renews it no longer. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#cancel();
  }

  #wait(): void {
    if (!this.#closed) this.#cancel = this.#options.timers.after(LOOK_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { timers, logger } = this.#options, { notBefore, expires } = readCredential(this.#token);
    try {
      if (timers.now() >= (notBefore + expires) / 2) this.#token = await issue(this.#options);
    } catch (error) {
      logger.error("cannot renew the gateway's own credential", { text: (error as Error).message });
    }
    this.#wait();
  }
}

function issue({ key, identity, timers }: HubCredentialOptions): Promise<string> {
  return issueCredential(key.identity, {
    realm: key.realm,
    node: identity.id,
    role: "hub",
    rights: { publish: EVERYTHING, subscribe: EVERYTHING, call: EVERYTHING, advertise: EVERYTHING },
    now: timers.now(),
    lifeMs: HUB_CREDENTIAL_MS,
  });
}
