/**
 * What ties calls and events of a hub to the hash table: it states there which procedures and patterns this hub serves
 * or wants, for itself and for the edges that it answers for, and finds which other hubs do.
 *
 *     provided, wanted ─▶ announcer ─▶ publish, withdraw ─▶ hash table ─▶ recorded
 *     seek, interest ─▶ cache ─▶ hash table ─▶ found, interested
 *
 * @module
 */

import { equalBytes } from "../../base/bytes.ts";
import type { Timers } from "../../base/clock.ts";
import type { Confirmation } from "../../base/listing.ts";
import { LruMap } from "../../base/lru.ts";
import type { DhtCommand, DhtEvent, RecordsFound, Stored } from "../../dht/messages.ts";
import {
  type Identity,
  RECORD_TTL_MS,
  recordKey,
  type RecordKind,
  signRecord,
  type Statement,
  type VerifiedRecord,
} from "../../identity/mod.ts";
import type { Peer } from "../../base/protocol.ts";
import type { Pattern, Procedure, Realm, Topic } from "../../names/mod.ts";
import type { PubsubCommand, PubsubEvent } from "../../pubsub/messages.ts";
import type { RpcCommand, RpcEvent } from "../../rpc/messages.ts";
import { Announcer, type AnnouncerLimits } from "./announcer.ts";
import { type Found, RECORD_CACHE_LIMITS, RecordCache, type RecordCacheLimits } from "./record_cache.ts";
import { Topics } from "./topics.ts";
import { Watchers } from "./watchers.ts";
import { type Change, Widening } from "./widening.ts";

/** Bounds of a directory. */
export interface DirectoryLimits {
  readonly announcer: Partial<AnnouncerLimits>;
  readonly cache: Partial<RecordCacheLimits>;
  /** Patterns that are stated; with more the longest are widened (DESIGN section 8). */
  readonly patternsMax: number;
  /** How long a call waits for providers to be found, ms: below its own 5 s, and enough for holders that time out. */
  readonly lookUpMs: number;
  /** The same where somebody here could serve it as well. */
  readonly lookUpBrieflyMs: number;
}

/** The defaults. */
export const DIRECTORY_LIMITS: DirectoryLimits = {
  announcer: {},
  cache: {},
  patternsMax: 5_000,
  lookUpMs: 4_000,
  lookUpBrieflyMs: 250,
};

/** What a directory is made with. */
export interface DirectoryOptions {
  readonly identity: Identity;
  /** By what right it says so, where the realm asks for credentials. */
  readonly credential?: (() => string | undefined) | undefined;
  readonly realm: Realm;
  readonly timers: Timers;
  /** Gives the hash table a command that is answered. */
  readonly ask: <T>(command: DhtCommand) => Promise<T>;
  /** Tells the cores what has become of what they asked. */
  readonly rpc: (command: RpcCommand) => void;
  readonly pubsub: (command: PubsubCommand) => void;
  /** Tells those who watch a key that something has changed under it. */
  readonly notify: (watchers: readonly Peer[], key: Uint8Array) => void;
  /** Whether no other hub is known. */
  readonly isAlone: () => boolean;
  /** Hubs that serve a procedure of which nobody has a record; never rejects. */
  readonly elsewhere?: ((procedure: string) => Promise<readonly Uint8Array[]>) | undefined;
  readonly limits?: Partial<DirectoryLimits>;
}

/** Hubs that keep retained events have a record as if this were a procedure. */
export const KEEPERS = "_mesh.retained" as Procedure;
/** How long is waited to hear of them, ms. */
const KEEPERS_LOOK_UP_MS = 2_000;
/** So many holders with records are enough to know who serves a procedure; all closest are asked for a fresh answer. */
const QUORUM = 3;
/** Names whose last sequence and life are remembered: two statements in one millisecond must not have the same. */
const SEQUENCES_MAX = 20_000;

/** The directory of one hub. */
export class Directory {
  readonly #options: DirectoryOptions;
  readonly #limits: DirectoryLimits;
  readonly #cache: RecordCache;
  readonly #interests: RecordCache;
  readonly #topics: Topics;
  readonly #watchers: Watchers;
  readonly #procedures: Announcer;
  readonly #patterns: Announcer;
  readonly #widening: Widening;
  /** How far patterns have got that stand for others. */
  readonly #stated = new Map<Pattern, Confirmation>();
  readonly #sequences = new LruMap<string, number>(SEQUENCES_MAX);
  readonly #keepersKey: Uint8Array;
  /** How long records of procedures are to hold, ms; also of those that are served no more. */
  readonly #lives = new LruMap<string, number>(SEQUENCES_MAX);

  constructor(options: DirectoryOptions) {
    const { timers, rpc, pubsub, realm, isAlone, identity: { id: own } } = options;
    this.#options = options;
    this.#limits = { ...DIRECTORY_LIMITS, ...options.limits };
    const find = async (key: Uint8Array, thorough: boolean) => {
      const command = { type: "findValue", key, ...thorough ? {} : { quorum: QUORUM } } as const;
      return await options.ask<RecordsFound>(command);
    };
    const { cache, lookUpMs } = this.#limits, keptMs = cache.keptMs ?? RECORD_CACHE_LIMITS.keptMs;
    this.#cache = new RecordCache({ timers, find, limits: cache });
    this.#interests = new RecordCache({ timers, find, limits: { ...cache, noneKeptMs: keptMs } });
    this.#watchers = new Watchers(timers);
    this.#topics = new Topics({
      realm,
      own,
      cache: this.#interests,
      lookUpMs,
      isAlone,
      found: (topic, hubs, forMs) => pubsub({ type: "interested", topic, hubs, forMs }),
      outdated: (name) => pubsub({ type: "outdated", name }),
    });
    this.#procedures = new Announcer({
      timers,
      limits: this.#limits.announcer,
      store: (name, holds) => this.#store(this.#statement("provider", name, holds)),
      confirmed: (name, confirmation) => rpc({ type: "recorded", procedure: name, confirmation }),
    });
    this.#patterns = new Announcer({
      timers,
      limits: this.#limits.announcer,
      store: (name, holds) => this.#store(this.#statement("interest", name, holds)),
      confirmed: (name, confirmation) => this.#confirmed(name as Pattern, confirmation),
    });
    this.#widening = new Widening(this.#limits);
    this.#keepersKey = this.#key("provider", KEEPERS);
  }

  /** What is remembered of others, and what is stated here. */
  get state(): {
    readonly cache: RecordCache["state"];
    readonly procedures: Announcer["state"];
    readonly patterns: Announcer["state"];
  } {
    const [a, b] = [this.#cache.state, this.#interests.state];
    const cache = { size: a.size + b.size, hits: a.hits + b.hits, misses: a.misses + b.misses };
    return { cache, procedures: this.#procedures.state, patterns: this.#patterns.state };
  }

  /** Takes what cores ask of the mesh and what the hash table tells; whether that was all that is to be done. */
  takes(event: RpcEvent | PubsubEvent | DhtEvent): boolean {
    switch (event.type) {
      case "provided":
        this.#provided(event.procedure, event.ttlMs);
        return true;
      case "unprovided":
        this.#procedures.remove(event.procedure);
        return true;
      case "seek":
        this.#seek(event);
        return true;
      case "stale":
        this.#cache.drop(this.#key("provider", event.procedure), event.hub);
        return true;
      case "wanted":
        this.#wanted(event.pattern);
        return true;
      case "unwanted":
        this.#change(this.#widening.remove(event.pattern));
        return true;
      case "interest":
        this.#topics.ask(event.topic);
        return true;
      case "keeping":
        if (event.isKeeping) this.#procedures.add(KEEPERS);
        else this.#procedures.remove(KEEPERS);
        return true;
      case "keepers":
        this.#tellKeepers();
        return true;
      case "changed":
        this.#changed(event.record);
        return false;
      case "renew": { // by the node
        const { kind, name, sequence } = event.record;
        if (kind !== "node") this.#nextSequence(kind, name, sequence);
        return false;
      }
      default:
        return false;
    }
  }

  /** The other hubs that serve a procedure; `fresh`: all that the mesh knows of now. Never rejects. */
  async providers(procedure: Procedure, { fresh = false } = {}): Promise<readonly VerifiedRecord[]> {
    return this.#others(await this.#records(this.#key("provider", procedure), fresh), procedure);
  }

  /** The other hubs that want events of a topic. Never rejects. */
  async subscribers(topic: Topic, { fresh = false } = {}): Promise<readonly VerifiedRecord[]> {
    return this.#others(await this.#topics.records(topic, fresh), undefined);
  }

  /** A link to a hub asks for what is under a key: it is told when that changes. */
  asked(peer: Peer, key: Uint8Array): void {
    this.#watchers.asked(peer, key);
  }

  /** A holder says that something has changed under a key. */
  outdated(key: Uint8Array): void {
    this.#cache.outdated(key);
    this.#interests.outdated(key);
    this.#topics.outdated(key);
    if (equalBytes(key, this.#keepersKey)) this.#tellKeepers();
  }

  /** States no more; what is stated ends with its time. */
  close(): void {
    this.#procedures.close();
    this.#patterns.close();
  }

  // Finding

  /** We hold it for others. */
  #changed(record: VerifiedRecord): void {
    this.#cache.changed(record);
    this.#interests.changed(record);
    this.#topics.outdated(record.key);
    if (equalBytes(record.key, this.#keepersKey)) this.#tellKeepers();
    const watchers = this.#watchers.of(record.key);
    if (watchers.length > 0) this.#options.notify(watchers, record.key);
  }

  #seek({ seek, procedure, fresh, brief }: Extract<RpcEvent, { type: "seek" }>): void {
    const nobody = { type: "found", seek, hubs: [], remembered: false, complete: true } as const;
    if (this.#options.isAlone()) return this.#options.rpc(nobody);
    const { lookUpMs, lookUpBrieflyMs } = this.#limits, key = this.#key("provider", procedure);
    const { elsewhere } = this.#options;
    const tell = ({ records, complete }: Found, remembered: boolean) => {
      const hubs = this.#others(records, procedure).map(({ nodeBytes }) => nodeBytes);
      const said = { type: "found", seek, complete } as const;
      if (hubs.length > 0 || brief || elsewhere === undefined) {
        return this.#options.rpc({ ...said, hubs, remembered: remembered && hubs.length > 0 });
      }
      void elsewhere(procedure).then((hubs) => this.#options.rpc({ ...said, hubs, remembered: false }));
    };
    const known = fresh ? undefined : this.#cache.known(key, { contented: brief });
    if (known !== undefined) return tell(known, true);
    const until = this.#options.timers.now() + (brief ? lookUpBrieflyMs : lookUpMs);
    void this.#lookUp(key, { until, fresh, attempts: brief ? 1 : 2 }).then((found) => tell(found, false));
  }

  /** That there are none is remembered as long as anything else: holders say when it changes. */
  #tellKeepers(): void {
    const { isAlone, pubsub } = this.#options, key = this.#keepersKey, known = this.#interests.known(key);
    const tell = ({ records }: Found) => {
      pubsub({ type: "keepers", hubs: this.#others(records, KEEPERS).map(({ node }) => node) });
    };
    if (isAlone()) return tell({ records: [], complete: true });
    if (known !== undefined) return tell(known);
    void this.#interests.lookUp(key, KEEPERS_LOOK_UP_MS).then(tell);
  }

  /** Looks again where too few have answered: who was slow may not be so the next time. */
  async #lookUp(
    key: Uint8Array,
    { until, fresh, attempts }: { readonly until: number; readonly fresh: boolean; readonly attempts: number },
  ): Promise<Found> {
    const { timers } = this.#options, left = () => until - timers.now();
    let found = await this.#cache.lookUp(key, left(), { thorough: fresh });
    for (let i = 1; i < attempts && !found.complete && found.records.length === 0 && left() > 0; i++) {
      found = await this.#cache.lookUp(key, left(), { thorough: fresh });
    }
    return found;
  }

  async #records(key: Uint8Array, fresh: boolean): Promise<readonly VerifiedRecord[]> {
    const known = fresh ? undefined : this.#cache.known(key);
    return (known ?? await this.#cache.lookUp(key, this.#limits.lookUpMs, { thorough: fresh })).records;
  }

  /** One record a hub, in the order of their ids: so that turns mean something, and `first` is always the same. */
  #others(records: readonly VerifiedRecord[], procedure: string | undefined): readonly VerifiedRecord[] {
    const own = this.#options.identity.id, hubs = new Map<string, VerifiedRecord>();
    for (const record of records) {
      if (record.node !== own && (procedure === undefined || record.name === procedure)) hubs.set(record.node, record);
    }
    return [...hubs.values()].sort((a, b) => a.node < b.node ? -1 : 1);
  }

  // Stating

  #provided(procedure: string, ttlMs = RECORD_TTL_MS.provider): void {
    const before = this.#lives.get(procedure) ?? RECORD_TTL_MS.provider;
    this.#lives.set(procedure, ttlMs);
    this.#procedures.add(procedure, before !== ttlMs);
  }

  #wanted(pattern: Pattern): void {
    const change = this.#widening.add(pattern), known = this.#stated.get(this.#widening.statedFor(pattern)!);
    this.#change(change);
    if (known !== undefined) this.#recorded(pattern, known);
  }

  #change({ added, removed }: Change): void {
    for (const pattern of removed) {
      this.#stated.delete(pattern);
      this.#patterns.remove(pattern);
    }
    for (const pattern of added) this.#patterns.add(pattern);
  }

  #confirmed(stated: Pattern, confirmation: Confirmation): void {
    this.#stated.set(stated, confirmation);
    for (const pattern of [...this.#widening.members(stated)]) this.#recorded(pattern, confirmation);
  }

  #recorded(pattern: Pattern, confirmation: Confirmation): void {
    this.#options.pubsub({ type: "recorded", pattern, confirmation });
  }

  #statement(kind: "provider" | "interest", name: string, holds: boolean): Statement {
    const { realm, timers } = this.#options, now = Math.floor(timers.now()), sequence = this.#nextSequence(kind, name);
    const head = { realm, sequence, ...holds ? {} : { withdrawn: true } }, ttlMs = RECORD_TTL_MS[kind];
    if (kind === "interest") return { kind, ...head, expiresAt: now + ttlMs, pattern: name as Pattern };
    // What takes a record back lasts as long as what it takes back.
    const wanted = this.#lives.get(name) ?? ttlMs, lifeMs = holds ? wanted : Math.max(wanted, ttlMs);
    return { kind, ...head, expiresAt: now + lifeMs, lifeMs, procedure: name as Procedure };
  }

  #nextSequence(kind: RecordKind, name: string, before = 0): number {
    const slot = `${kind} ${name}`, last = Math.max(before, this.#sequences.get(slot) ?? 0);
    const sequence = Math.max(Math.floor(this.#options.timers.now()), last + 1);
    this.#sequences.set(slot, sequence);
    return sequence;
  }

  async #store(statement: Statement): Promise<Confirmation> {
    const credential = this.#options.credential?.();
    const record = signRecord(this.#options.identity, { ...statement, credential });
    const type = statement.withdrawn === true ? "withdraw" : "publish";
    const { confirmed, asked } = await this.#options.ask<Stored>({ type, record });
    return { confirmed, asked };
  }

  #key(kind: RecordKind, name: string): Uint8Array {
    return recordKey(this.#options.realm, kind, name);
  }
}
