/**
 * What clients of the original have stored about themselves, put to use: a record says only the hash of a name, so when
 * a name comes up in the mesh it is looked whether somebody serves it, or wants it, by a record.
 *
 * @module
 */

import { isProcedure, isTopic } from "../../names/mod.ts";
import type { NodeId, Rights } from "../../identity/mod.ts";
import type { Message, Value, ValueMap } from "../../wire/mod.ts";
import { jsonOf } from "../json.ts";
import { NamesKnown } from "./names_known.ts";
import { may } from "../policy.ts";
import type { Seat } from "../client/seat.ts";
import { aboutOf, isService, Shelf, type Stored, type Storer, type Unkept } from "./shelf.ts";

/** What a directory needs. */
export interface DirectoryOptions {
  readonly rights: Rights;
  readonly now: () => number;
  readonly seat: (node: NodeId) => Seat | undefined;
  /** Whether a client is served from a host. */
  readonly knows: (host: string) => boolean;
  /** Whether a node is this gateway, has proven its id, or is a client that is not on this host. */
  readonly isOther: (node: NodeId, host: string) => boolean;
  /** Gives the node a message of a client, at once. */
  readonly give: (seat: Seat, message: Message) => void;
  readonly refused: (code: string, about: string, node: NodeId) => void;
}

/** Metadata of an announcement, characters of JSON. */
const METADATA_CHARACTERS_MAX = 4_096;
/** What the name of a host begins with where it stands for a storer that is no client. */
const HOST = "host:";

/** The records of clients, by name. */
export class Directory {
  readonly #options: DirectoryOptions;
  readonly #shelf = new Shelf((stored) => this.#ended(stored));
  readonly #names = new NamesKnown();
  #requests = 0;

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  /** Values that are held. */
  get size(): number {
    return this.#shelf.size;
  }

  /** The key of a name, which comes up by that. */
  keyOf(name: string): string {
    return this.#names.learn(name);
  }

  /** The name of a key, if it came up. */
  nameOf(key: string): string | undefined {
    return this.#names.nameOf(key);
  }

  /** What clients that are there, and nodes beside them, have stored under a key, and what is about nobody. */
  find(key: string): Value[] {
    return this.#shelf.find(key, this.#options.now()).filter((one) => this.#counts(one)).map(({ value }) => value);
  }

  #counts({ about, by }: Stored): boolean {
    const { seat, knows, isOther } = this.#options, host = hostIn(by);
    if (about === undefined) return true;
    return host === undefined ? seat(about) !== undefined : knows(host) && !isOther(about, host);
  }

  /** A client stores a value; what it is about another node is not its to say. */
  store(key: Uint8Array, value: Value, by: Seat): Unkept | "not_its_own" | undefined {
    const { node } = by.guest.id, about = aboutOf(value)?.node;
    if (about !== undefined && about !== node) return "not_its_own";
    const stored = this.#shelf.store(key, value, node, this.#options.now());
    if (typeof stored === "string") return stored;
    const name = this.#names.nameOf(stored.key);
    if (name !== undefined) this.#apply(by, stored, name);
    return undefined;
  }

  /**
   * A node that is no client stores a value about itself, on a host where a client is: a gateway of the original beside
   * its own peer. It is for others of them to find, and nothing comes of it here.
   */
  storeBeside(key: Uint8Array, value: Value, host: string): Unkept | "no_connect" | "not_its_own" | undefined {
    const { knows, isOther, now } = this.#options, about = aboutOf(value)?.node;
    if (about === undefined || !knows(host)) return "no_connect";
    if (isOther(about, host)) return "not_its_own";
    const stored = this.#shelf.store(key, value, `${HOST}${host}`, now());
    return typeof stored === "string" ? stored : undefined;
  }

  /** A client is there (again): its records stand for it. */
  returned(seat: Seat): void {
    for (const stored of this.#shelf.of(seat.guest.id.node, this.#options.now())) {
      const name = this.#names.nameOf(stored.key);
      if (name !== undefined) this.#apply(seat, stored, name);
    }
  }

  /** A procedure or topic comes up. */
  named(name: string, what: "procedure" | "topic"): void {
    const key = this.#names.learn(name);
    if (this.#shelf.size === 0) return;
    for (const stored of this.#shelf.find(key, this.#options.now())) {
      const seat = stored.about === undefined ? undefined : this.#options.seat(stored.about);
      if (seat !== undefined && isService(stored.value) === (what === "procedure")) this.#apply(seat, stored, name);
    }
  }

  /** A client says by a frame what it wants: its records do not count for these topics any more. */
  saidByFrame(seat: Seat, topics: readonly string[], isWanted: boolean): void {
    for (const topic of topics) {
      seat.topicsByRecord.delete(topic);
      if (isWanted) continue;
      const { node } = seat.guest.id, key = this.#names.learn(topic);
      this.#shelf.remove(key, (one) => one.about === node && !isService(one.value));
    }
  }

  /** Takes out what has come to its end. */
  sweep(): void {
    this.#shelf.sweep(this.#options.now());
  }

  #ended({ key, about, value }: Stored): void {
    const name = this.#names.nameOf(key), seat = about === undefined ? undefined : this.#options.seat(about);
    if (name === undefined || seat === undefined) return;
    if (isService(value) && seat.offers.delete(name)) {
      this.#options.give(seat, { kind: "unadvertise", requestId: ++this.#requests, procedures: [name] });
    }
    if (!isService(value) && seat.topicsByRecord.delete(name)) {
      seat.perform(seat.guest.fromClient(0, { kind: "unsubscribe", topics: [name] }, this.#options.now()));
    }
  }

  #apply(seat: Seat, { value, about, by }: Stored, name: string): void {
    if (about !== by || by !== seat.guest.id.node || seat.near === undefined) return;
    if (isService(value)) this.#offer(seat, value, name);
    else if (isTopic(name) && !seat.topicsByRecord.has(name)) {
      const effects = seat.guest.subscribe({ topics: [name] });
      if (effects.some(({ kind }) => kind === "mesh")) seat.topicsByRecord.add(name);
      seat.perform(effects);
    }
  }

  #offer(seat: Seat, value: ValueMap, name: string): void {
    if (seat.offers.has(name) || !isProcedure(name)) return;
    if (!may(this.#options.rights, "advertise", name)) {
      return this.#options.refused("advertise_not_allowed", name, seat.guest.id.node);
    }
    seat.offers.add(name);
    const described = jsonOf(value.get("metadata")!), text = JSON.stringify(described);
    const isUsed = typeof described === "object" && described !== null && !Array.isArray(described) &&
      text.length <= METADATA_CHARACTERS_MAX;
    const head = { kind: "advertise", requestId: ++this.#requests, procedures: [name] } as const;
    this.#options.give(seat, isUsed ? { ...head, metadata: text } : head);
  }
}

/** The host of who stored something without being a client. */
function hostIn(by: Storer): string | undefined {
  return by.startsWith(HOST) ? by.slice(HOST.length) : undefined;
}
