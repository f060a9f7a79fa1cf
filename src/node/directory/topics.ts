/**
 * Which other hubs want a topic. Interest in `a.b.c` is kept under `a.b.c`, and in a pattern under the part before its
 * first wildcard: so it is looked for under the topic and each of its beginnings, at once. That there is none is
 * remembered as long as anything else: holders say when it changes.
 *
 * @module
 */

import { bytesKey } from "../../base/bytes.ts";
import { LruMap } from "../../base/lru.ts";
import type { Peer } from "../../base/protocol.ts";
import { recordKey, type VerifiedRecord } from "../../identity/mod.ts";
import { matches, type Realm, type Topic } from "../../names/mod.ts";
import type { RecordCache } from "./record_cache.ts";

/** How long an answer need not be asked for again, ms; it costs a look into the cache. */
const GOOD_FOR_MS = 1_000;
/** How often a search begins anew because something has changed meanwhile. */
const SEARCHES_MAX = 3;
/** Keys whose names are remembered. */
const NAMES_MAX = 20_000;

/** What it works with. */
export interface TopicsOptions {
  readonly realm: Realm;
  /** This hub's id, as hex digits. */
  readonly own: Peer;
  readonly cache: RecordCache;
  readonly lookUpMs: number;
  /** Whether no other hub is known: then there is nothing to look for. */
  readonly isAlone: () => boolean;
  /** These hubs want the topic. */
  readonly found: (topic: Topic, hubs: readonly Peer[], forMs: number) => void;
  /** What was said of topics at or below `name` does not hold any more. */
  readonly outdated: (name: string) => void;
}

/** Finds the hubs that want topics. */
export class Topics {
  readonly #options: TopicsOptions;
  /** Topics that are being looked up, and whether that has to be done again. */
  readonly #searches = new Map<Topic, { isOutdated: boolean }>();
  readonly #names = new LruMap<string, string>(NAMES_MAX);

  constructor(options: TopicsOptions) {
    this.#options = options;
  }

  /** Answers by `found`: at once from what is remembered, else after a lookup. */
  ask(topic: Topic): void {
    const { isAlone, found, cache } = this.#options, running = this.#searches.get(topic);
    if (running !== undefined) {
      running.isOutdated = true;
      return;
    }
    if (isAlone()) return found(topic, [], GOOD_FOR_MS);
    const known = this.#keys(topic).map((key) => cache.known(key));
    const records = known.flatMap((one) => one?.records ?? []);
    if (known.every((one) => one !== undefined)) found(topic, this.#hubs(topic, records), GOOD_FOR_MS);
    else void this.#search(topic);
  }

  /** The records of those who want a topic. Never rejects. */
  async records(topic: Topic, fresh: boolean): Promise<readonly VerifiedRecord[]> {
    const { cache, lookUpMs } = this.#options;
    const records = await Promise.all(
      this.#keys(topic).map(async (key) => {
        const known = fresh ? undefined : cache.known(key);
        return (known ?? await cache.lookUp(key, lookUpMs, { thorough: fresh })).records;
      }),
    );
    return records.flat().filter((record) => wants(record, topic));
  }

  /** What is under a key has changed; nothing is to be done where nobody has asked for it. */
  outdated(key: Uint8Array): void {
    const name = this.#names.get(bytesKey(key));
    if (name === undefined) return;
    for (const [topic, search] of this.#searches) {
      if (name === "" || topic === name || topic.startsWith(`${name}.`)) search.isOutdated = true;
    }
    this.#options.outdated(name);
  }

  async #search(topic: Topic): Promise<void> {
    const search = { isOutdated: true };
    this.#searches.set(topic, search);
    let records: readonly VerifiedRecord[] = [];
    for (let i = 0; i < SEARCHES_MAX && search.isOutdated; i++) {
      search.isOutdated = false;
      records = await this.records(topic, false);
    }
    this.#searches.delete(topic);
    this.#options.found(topic, this.#hubs(topic, records), GOOD_FOR_MS);
  }

  #hubs(topic: Topic, records: readonly VerifiedRecord[]): Peer[] {
    const hubs = records.filter((one) => one.node !== this.#options.own && wants(one, topic));
    return [...new Set(hubs.map(({ node }) => node))];
  }

  #keys(topic: Topic): Uint8Array[] {
    const segments = topic.split(".");
    return ["", ...segments].map((_, i) => {
      const name = segments.slice(0, i).join("."), key = recordKey(this.#options.realm, "interest", name);
      this.#names.set(bytesKey(key), name);
      return key;
    });
  }
}

function wants(record: VerifiedRecord, topic: Topic): boolean {
  return record.kind === "interest" && matches(record.pattern, topic);
}
