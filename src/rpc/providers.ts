/** Who serves what: handlers of this node and links that advertised. @module */

import type { Peer } from "../base/protocol.ts";
import type { Provider, RegistrationId } from "./messages.ts";
import type { Candidate } from "./selection.ts";

/** How long the record of a procedure holds unless it is renewed: when nothing is said, and the bounds of that, ms. */
export const TTL_MS = 300_000, TTL_MS_MIN = 60_000, TTL_MS_MAX = 540_000;

/** For the sentence of a refusal. */
export const TTL_RULE = `ttl is an integer from ${TTL_MS_MIN} to ${TTL_MS_MAX} ms`;

/**
 * Whether a record may hold so long, ms. Below, many procedures would be nothing but renewals, and what is found is
 * remembered for a minute anyway; above, a holder whose clock is a minute late would refuse it (twice 300 s).
 */
export function isTtl(ms: number): boolean {
  return Number.isInteger(ms) && ms >= TTL_MS_MIN && ms <= TTL_MS_MAX;
}

/** A handler of this node. */
export interface LocalProvider extends Candidate {
  readonly local: true;
  readonly registration: RegistrationId;
  readonly procedure: string;
  readonly concurrency: number;
  readonly metadata: string | undefined;
  /** How long the record of it holds unless it is renewed, ms. */
  readonly ttlMs?: number | undefined;
  /** Whether other hubs are told. */
  readonly listed: boolean;
  running: number;
}

/** A link that advertised. */
export interface RemoteProvider extends Candidate {
  readonly local: false;
  readonly peer: Peer;
  readonly metadata: string | undefined;
  readonly ttlMs?: number | undefined;
}

/** Another hub: it chooses among those that it serves. */
export interface HubProvider extends Candidate {
  readonly local: false;
  /** Its id as hex digits. */
  readonly hub: Peer;
}

/** One that serves a procedure and is known here. */
export type ProviderEntry = LocalProvider | RemoteProvider;

interface Service {
  providers: readonly ProviderEntry[];
  turn: number;
}

const NOBODY: readonly ProviderEntry[] = [];

/** The providers of each procedure, in the order they advertised. */
export class Providers {
  readonly #services = new Map<string, Service>();
  readonly #byPeer = new Map<Peer, Set<string>>();
  readonly #local = new Map<RegistrationId, LocalProvider>();
  #total = 0;

  /** What all links advertised together. */
  get total(): number {
    return this.#total;
  }

  /** All who serve `procedure`. */
  of(procedure: string): readonly ProviderEntry[] {
    return this.#services.get(procedure)?.providers ?? NOBODY;
  }

  /** How often a provider of `procedure` was chosen; counts this time. Undefined where there is none. */
  turn(procedure: string): number | undefined {
    const service = this.#services.get(procedure);
    return service === undefined ? undefined : service.turn++;
  }

  /** This node's handlers. */
  get local(): Iterable<LocalProvider> {
    return this.#local.values();
  }

  /** A handler of this node. */
  registration(id: RegistrationId): LocalProvider | undefined {
    return this.#local.get(id);
  }

  /** How many procedures `peer` advertised. */
  countOf(peer: Peer): number {
    return this.#byPeer.get(peer)?.size ?? 0;
  }

  /** Whether `peer` advertised `procedure`. */
  has(peer: Peer, procedure: string): boolean {
    return this.#byPeer.get(peer)?.has(procedure) ?? false;
  }

  /** Adds a handler of this node. */
  addLocal(provider: LocalProvider): void {
    this.#local.set(provider.registration, provider);
    this.#add(provider.procedure, provider);
  }

  /** Takes a handler of this node out. */
  removeLocal(id: RegistrationId): LocalProvider | undefined {
    const provider = this.#local.get(id);
    if (provider === undefined) return undefined;
    this.#local.delete(id);
    this.#remove(provider.procedure, (one) => one === provider);
    return provider;
  }

  /** Adds a link, or renews what it said, in its place. */
  addPeer(provider: RemoteProvider, procedure: string): void {
    const service = this.#services.get(procedure);
    if (service !== undefined && this.has(provider.peer, procedure)) {
      service.providers = service.providers.map((one) => !one.local && one.peer === provider.peer ? provider : one);
      return;
    }
    this.#total++;
    let names = this.#byPeer.get(provider.peer);
    if (names === undefined) this.#byPeer.set(provider.peer, names = new Set());
    names.add(procedure);
    this.#add(procedure, provider);
  }

  /** Takes a link out for one procedure; whether it was in. */
  removePeer(peer: Peer, procedure: string): boolean {
    const names = this.#byPeer.get(peer);
    if (names === undefined || !names.delete(procedure)) return false;
    this.#total--;
    if (names.size === 0) this.#byPeer.delete(peer);
    this.#remove(procedure, (one) => !one.local && one.peer === peer);
    return true;
  }

  /** What `peer` advertised. */
  ofPeer(peer: Peer): string[] {
    return [...this.#byPeer.get(peer) ?? []];
  }

  #add(procedure: string, provider: ProviderEntry): void {
    const service = this.#services.get(procedure);
    if (service === undefined) this.#services.set(procedure, { providers: [provider], turn: 0 });
    else service.providers = [...service.providers, provider];
  }

  #remove(procedure: string, which: (one: ProviderEntry) => boolean): void {
    const service = this.#services.get(procedure);
    if (service === undefined) return;
    service.providers = service.providers.filter((one) => !which(one));
    if (service.providers.length === 0) this.#services.delete(procedure);
  }
}

/** A provider as the application gets to know it. */
export function asProvider(entry: ProviderEntry): Provider {
  const { node, metadata } = entry, provider = { node, peer: entry.local ? undefined : entry.peer };
  return metadata === undefined ? provider : { ...provider, metadata };
}
