/** Who tells whom which procedures it serves: an edge its hub, a hub by its links. @module */

import { type Confirmation, Listing, type Settled } from "../base/listing.ts";
import type { CommandId, Effect, Failure, Peer } from "../base/protocol.ts";
import { Restoration } from "../base/restoration.ts";
import { isProcedure, type Procedure } from "../names/mod.ts";
import type { Advertise, AdvertiseAck, Unadvertise } from "../wire/mod.ts";
import { type Links, RESERVED_PREFIX } from "./links.ts";
import type { RegistrationId, RpcEvent, RpcMessage, RpcTimer } from "./messages.ts";
import { isTtl, type Providers, TTL_MS, TTL_RULE } from "./providers.ts";

type RpcEffect = Effect<RpcMessage, RpcTimer, RpcEvent>;

/** What links may announce. */
export interface ProcedureLimits {
  readonly proceduresPerLinkMax: number;
  /** Of all links together. */
  readonly proceduresMax: number;
  /** JSON text of one announcement. */
  readonly metadataBytesMax: number;
}

/** Who waits until the mesh knows. */
type Waiter = { readonly command: CommandId } | { readonly peer: Peer; readonly requestId: number };

/** Keeps the hub informed, and what links announce; a hub with a directory keeps that informed. */
export class Announcements {
  readonly #providers: Providers;
  readonly #nobodyToTell: boolean;
  /** What this hub says that it serves; undefined where it tells nobody. */
  readonly #listing: Listing<Waiter> | undefined;
  /** For how long, ms, by procedure: where that is not the standard. */
  readonly #lives = new Map<string, number>();
  /** Requests on their way. */
  readonly #asked = new Map<number, readonly RegistrationId[]>();
  /** Commands that wait for a hub. */
  readonly #waiting = new Map<RegistrationId, CommandId>();
  readonly #restoration = new Restoration();
  #hub: Peer | undefined;
  #requests = 0;

  constructor(providers: Providers, { hub, directory }: { readonly hub: boolean; readonly directory: boolean }) {
    this.#providers = providers;
    this.#nobodyToTell = hub;
    this.#listing = hub && directory ? new Listing() : undefined;
  }

  /** The hub we are attached to. */
  get hub(): Peer | undefined {
    return this.#hub;
  }

  /** A new handler here; the command is answered when the mesh knows, at once where there is nobody to tell. */
  announce(command: CommandId, registration: RegistrationId, procedure: Procedure): RpcEffect[] {
    const listing = this.#providers.registration(registration)?.listed === true ? this.#listing : undefined;
    if (listing !== undefined) {
      const effects = this.#list(procedure), known = listing.wait([procedure], { command });
      return known === undefined ? effects : [...effects, { kind: "answer", id: command, value: known }];
    }
    if (this.#nobodyToTell || procedure.startsWith(RESERVED_PREFIX)) {
      return [{ kind: "answer", id: command, value: undefined }];
    }
    this.#waiting.set(registration, command);
    return this.#hub === undefined ? [] : [this.#ask(this.#hub, procedure)];
  }

  /** A handler here is gone; the hub is told when it was the last of its name. */
  withdraw(command: CommandId, registration: RegistrationId): RpcEffect[] {
    const gone = this.#providers.removeLocal(registration), effects: RpcEffect[] = [];
    const waiting = this.#waiting.get(registration);
    if (waiting !== undefined) {
      this.#waiting.delete(registration);
      const error = { code: "closed", text: `Cannot advertise ${gone?.procedure}: the service was closed` };
      effects.push({ kind: "fail", id: waiting, error });
    }
    if (gone?.listed === true) effects.push(...this.#unlist(gone.procedure));
    const told = gone !== undefined && !gone.procedure.startsWith(RESERVED_PREFIX);
    const last = told && !this.#providers.of(gone.procedure).some((one) => one.local);
    if (last && this.#hub !== undefined) {
      const message: RpcMessage = { kind: "unadvertise", requestId: ++this.#requests, procedures: [gone.procedure] };
      effects.push({ kind: "send", to: this.#hub, message, lane: "control" });
    }
    return [...effects, { kind: "answer", id: command, value: undefined }];
  }

  /** Attaches to a hub and tells it everything that is served here. */
  attach(hub: Peer): RpcEffect[] {
    this.#hub = hub;
    this.#asked.clear();
    const names = new Set<string>();
    for (const { procedure } of this.#providers.local) if (!procedure.startsWith(RESERVED_PREFIX)) names.add(procedure);
    const effects = [...names].map((procedure) => this.#ask(hub, procedure));
    this.#restoration.begin(this.#requests);
    return [...effects, ...this.#restored()];
  }

  /** The link to the hub is gone. */
  detach(peer: Peer): void {
    if (this.#hub !== peer) return;
    this.#hub = undefined;
    this.#restoration.end();
    this.#asked.clear();
  }

  /** The hub has answered. */
  onAck(message: AdvertiseAck): RpcEffect[] {
    const asked = this.#asked.get(message.requestId);
    if (asked === undefined) return [];
    this.#asked.delete(message.requestId);
    const { code, text = "", confirmed, asked: holders } = message, effects: RpcEffect[] = [];
    const value = confirmed === undefined || holders === undefined ? undefined : { confirmed, asked: holders };
    for (const registration of asked) {
      const command = this.#waiting.get(registration);
      this.#waiting.delete(registration);
      if (command !== undefined && code === undefined) effects.push({ kind: "answer", id: command, value });
      if (command !== undefined && code !== undefined) {
        effects.push({ kind: "fail", id: command, error: { code, text } });
      }
      if (command === undefined && code !== undefined && this.#providers.registration(registration) !== undefined) {
        effects.push({ kind: "event", event: { type: "registrationRefused", registration, code, text } });
      }
    }
    return [...effects, ...this.#restored()];
  }

  /** Tells once that the hub has answered for everything that was served when it was attached to. */
  #restored(): RpcEffect[] {
    if (this.#hub === undefined || !this.#restoration.takeDone(this.#asked)) return [];
    return [{ kind: "event", event: { type: "restored", hub: this.#hub } }];
  }

  /** A link announces or withdraws. */
  onPeer(
    from: Peer,
    message: Advertise | Unadvertise,
    { node, links, limits }: { readonly node: Uint8Array; readonly links: Links; readonly limits: ProcedureLimits },
  ): RpcEffect[] {
    const answer = (failure?: Failure, name = message.procedures[0] ?? ""): RpcEffect[] => {
      const head = { kind: "advertiseAck", requestId: message.requestId } as const;
      if (failure === undefined) return [{ kind: "send", to: from, message: head, lane: "control" }];
      const { code, text } = failure;
      return [
        { kind: "send", to: from, message: { ...head, code, text }, lane: "control" },
        { kind: "event", event: { type: "refused", peer: from, action: "advertise", name, code, text } },
      ];
    };
    if (message.kind === "unadvertise") {
      const effects = message.procedures.flatMap((procedure) => this.#withdrawn(from, procedure));
      return [...effects, ...answer()];
    }
    const bad = message.procedures.find((name) => !isProcedure(name) || name.startsWith(RESERVED_PREFIX));
    if (bad !== undefined) {
      const text = `Cannot advertise: a procedure name outside ${RESERVED_PREFIX} is expected, got ${
        JSON.stringify(bad.slice(0, 80))
      }`;
      return answer({ code: "invalid_procedure", text }, bad);
    }
    for (const name of message.procedures) {
      const refusal = links.refusal(from, "advertise", name);
      if (refusal !== undefined) return answer(refusal, name);
    }
    const names = new Set(message.procedures), refusal = this.#refusal(from, names, message, limits);
    if (refusal !== undefined) return answer(refusal);
    const effects: RpcEffect[] = [];
    const { metadata, ttlMs } = message;
    for (const procedure of names) {
      const isKnown = this.#providers.has(from, procedure);
      this.#providers.addPeer({ local: false, peer: from, node, metadata, ttlMs }, procedure);
      effects.push(...isKnown ? this.#relist(procedure) : this.#list(procedure));
    }
    if (this.#listing === undefined) return answer();
    const { requestId } = message, known = this.#listing.wait(names, { peer: from, requestId });
    return known === undefined ? effects : [...effects, acknowledged(from, requestId, known)];
  }

  /** A link is gone, and what it served with it. */
  forgetPeer(peer: Peer): RpcEffect[] {
    return this.#providers.ofPeer(peer).flatMap((procedure) => this.#withdrawn(peer, procedure));
  }

  /** So many keep the record of a procedure. */
  recorded(procedure: string, confirmation: Confirmation): RpcEffect[] {
    return told(this.#listing?.confirm(procedure, confirmation) ?? []);
  }

  #withdrawn(peer: Peer, procedure: string): RpcEffect[] {
    return this.#providers.removePeer(peer, procedure) ? this.#unlist(procedure) : [];
  }

  #list(procedure: string): RpcEffect[] {
    return this.#relist(procedure, this.#listing?.add(procedure) === true);
  }

  /** Tells that a procedure is served where that is new, or for how long has changed. */
  #relist(procedure: string, isNew = false): RpcEffect[] {
    if (this.#listing === undefined) return [];
    const listed = this.#providers.of(procedure).filter((one) => !one.local || one.listed), ttlMs = shortest(listed);
    if (!isNew && this.#lives.get(procedure) === ttlMs) return [];
    if (ttlMs === undefined) this.#lives.delete(procedure);
    else this.#lives.set(procedure, ttlMs);
    const event = { type: "provided", procedure } as const;
    return [{ kind: "event", event: ttlMs === undefined ? event : { ...event, ttlMs } }];
  }

  #unlist(procedure: string): RpcEffect[] {
    const waited = this.#listing?.remove(procedure);
    if (waited === undefined) return this.#relist(procedure);
    this.#lives.delete(procedure);
    return [{ kind: "event", event: { type: "unprovided", procedure } }, ...told(waited)];
  }

  #refusal(
    from: Peer,
    names: ReadonlySet<string>,
    { metadata, ttlMs }: Advertise,
    { proceduresPerLinkMax, proceduresMax, metadataBytesMax }: ProcedureLimits,
  ): Failure | undefined {
    if (metadata !== undefined && metadata.length > metadataBytesMax) {
      const text = `Cannot advertise: metadata has at most ${metadataBytesMax} bytes, got ${metadata.length}`;
      return { code: "metadata_too_large", text };
    }
    if (metadata !== undefined && !isJsonObject(metadata)) {
      return { code: "invalid_metadata", text: "Cannot advertise: metadata is a JSON object" };
    }
    if (ttlMs !== undefined && !isTtl(ttlMs)) {
      return { code: "invalid_ttl", text: `Cannot advertise: ${TTL_RULE}, got ${ttlMs}` };
    }
    const fresh = [...names].filter((name) => !this.#providers.has(from, name)).length;
    if (this.#providers.countOf(from) + fresh > proceduresPerLinkMax) {
      const text = `Cannot advertise: a client has at most ${proceduresPerLinkMax} procedures`;
      return { code: "too_many_procedures", text };
    }
    if (this.#providers.total + fresh > proceduresMax) {
      const text = `Cannot advertise: the hub holds at most ${proceduresMax} procedures`;
      return { code: "too_many_procedures", text };
    }
    return undefined;
  }

  #ask(hub: Peer, procedure: string): RpcEffect {
    const requestId = ++this.#requests, registrations: RegistrationId[] = [];
    const providers = [...this.#providers.local].filter((one) => one.procedure === procedure);
    let metadata: string | undefined;
    for (const provider of providers) {
      registrations.push(provider.registration);
      metadata ??= provider.metadata;
    }
    this.#asked.set(requestId, registrations);
    const ttlMs = shortest(providers), life = ttlMs === undefined ? {} : { ttlMs };
    const head = { kind: "advertise", requestId, procedures: [procedure], ...life } as const;
    return { kind: "send", to: hub, message: metadata === undefined ? head : { ...head, metadata }, lane: "control" };
  }
}

/** Of several the one with the shortest life counts, so that none is believed in for longer than it says. */
function shortest(providers: readonly { readonly ttlMs?: number | undefined }[]): number | undefined {
  if (providers.length === 0) return undefined;
  const ttlMs = providers.reduce((least, one) => Math.min(least, one.ttlMs ?? TTL_MS), Infinity);
  return ttlMs === TTL_MS ? undefined : ttlMs;
}

function told(settled: readonly Settled<Waiter>[]): RpcEffect[] {
  return settled.map(({ waiter, confirmation }) =>
    "command" in waiter
      ? { kind: "answer", id: waiter.command, value: confirmation }
      : acknowledged(waiter.peer, waiter.requestId, confirmation)
  );
}

function acknowledged(to: Peer, requestId: number, confirmation: Confirmation): RpcEffect {
  return { kind: "send", to, message: { kind: "advertiseAck", requestId, ...confirmation }, lane: "control" };
}

/** Who discovers the procedure will parse it. */
function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
