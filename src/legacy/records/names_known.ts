/** Names of the mesh by the keys that the original gives them: SHA-256 of a name, which nobody can turn back. @module */

import { utf8 } from "../../base/bytes.ts";
import { LruMap } from "../../base/lru.ts";
import { sha256 } from "../../identity/mod.ts";
import { keyOf } from "../wire_id.ts";

/** Names that are remembered; those used least recently go. */
const NAMES_KNOWN_MAX = 100_000;

/** Remembers names, so that a key that was stored can be told when its name comes up. */
export class NamesKnown {
  readonly #keys: LruMap<string, string>;
  readonly #names: LruMap<string, string>;

  /** Remembers at most `most` names. */
  constructor(most: number = NAMES_KNOWN_MAX) {
    this.#keys = new LruMap(most);
    this.#names = new LruMap(most);
  }

  /** The key of a name. */
  learn(name: string): string {
    const known = this.#keys.get(name);
    const key = known ?? keyOf(sha256(utf8(name)));
    if (known === undefined) this.#keys.set(name, key);
    this.#names.set(key, name); // also where it is known: a name that is used much must not go from this side alone
    return key;
  }

  /** The name of a key, if it came up. */
  nameOf(key: string): string | undefined {
    return this.#names.get(key);
  }
}
