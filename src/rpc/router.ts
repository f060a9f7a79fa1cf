/**
 * Who gets a call: a handler here, a link that advertised, the hub above, or another hub that the mesh names.
 *
 *     own call, or one of an edge ─▶ here? ─▶ a handler, a link
 *                                     └─▶ seek ─▶ found ─▶ the other hub, dialled where there is no link
 *     a call from another hub     ─▶ here, or no_handler: it is passed on only to the hub that it names
 *
 * @module
 */

import { equalBytes, toHex } from "../base/bytes.ts";
import { LruMap } from "../base/lru.ts";
import type { Effect, Failure, Peer } from "../base/protocol.ts";
import type { Cast, RpcRequest } from "../wire/mod.ts";
import { type Call, type Calls, withTimeLeft } from "./calls.ts";
import { type Links, RESERVED_PREFIX } from "./links.ts";
import type { Silence } from "./liveness/silence.ts";
import type { RpcCommand, RpcEvent, RpcMessage, RpcQuestion, RpcTimer } from "./messages.ts";
import type { RpcOptions } from "./options.ts";
import type { HubProvider, LocalProvider, ProviderEntry, Providers } from "./providers.ts";
import { Seeks } from "./seeks.ts";
import { select, spansHubs, type Strategy, strategyOf } from "./selection.ts";

type RpcEffect = Effect<RpcMessage, RpcTimer, RpcEvent>;

/** What a router works with, and what it leaves to the core. */
export interface RouterParts {
  readonly options: RpcOptions;
  readonly providers: Providers;
  readonly links: Links;
  readonly calls: Calls;
  readonly silence: Silence;
  /** The hub above an edge. */
  readonly up: () => Peer | undefined;
  /** Runs a handler of this node. */
  readonly run: (call: Call, provider: LocalProvider, request: RpcRequest, now: number) => readonly RpcEffect[];
  /** Tells whoever asked. */
  readonly finish: (call: Call, failure: Failure) => readonly RpcEffect[];
}

const NOTHING: readonly RpcEffect[] = [];
const DUPLICATE: Failure = { code: "duplicate_request", text: "Cannot call: the request id is in use" };
/** Procedures of other hubs for which it is remembered whose turn it is. */
const TURNS_MAX = 10_000;
/** A question begins so that is not to be answered from memory. */
const FRESH = "fresh ";

/** Decides who gets a call. */
export class Router {
  readonly #parts: RouterParts;
  readonly #seeks: Seeks;
  readonly #turns = new LruMap<string, number>(TURNS_MAX);

  constructor(parts: RouterParts) {
    this.#parts = parts;
    this.#seeks = new Seeks(parts.options, (call) => this.#isHeld(call));
  }

  /** Gives a call to a provider that was not tried, or tells its origin that there is none. */
  route(call: Call, request: RpcRequest, now: number): readonly RpcEffect[] {
    const { options: { hub, node }, links } = this.#parts, { targetNode, targetHub } = request;
    if (hub && targetHub !== undefined && !equalBytes(targetHub, node)) {
      return this.#toHub(call, targetHub, request, now);
    }
    if (targetNode !== undefined && !equalBytes(targetNode, node)) {
      if (!hub && call.origin.kind === "own") return this.#handUp(call, request, now);
      const peer = hub ? links.to(targetNode) : undefined;
      if (peer !== undefined && links.client(peer) !== undefined) return this.#handOver(call, peer, request, now);
      if (!hub || targetHub !== undefined || this.#isPassedOn(call)) return this.#unreachable(call, targetNode);
      return this.#toHub(call, targetNode, request, now);
    }
    return this.#toProvider(call, request, now);
  }

  /** Who has this call, or will have it by a dial, is not there: another one may be asked. */
  undelivered(call: Call, now: number): readonly RpcEffect[] {
    const { request, to } = call;
    if (request === undefined || to === undefined) return NOTHING;
    const target = request.targetHub ?? request.targetNode;
    if (target !== undefined) return this.#unreachable(call, target);
    call.refusal = unreachable(to);
    return [this.#stale(request.procedure, to), ...this.#again(call, request, now)];
  }

  /** The hub that is to get this call takes long to dial: another one may be faster, where any may have the call. */
  late(call: Call, now: number): readonly RpcEffect[] {
    call.late = [...call.late, ...call.tried.filter((one) => "hub" in one && one.hub === call.to)] as HubProvider[];
    return this.#again(call, call.request!, now);
  }

  /** Whether another provider may get the call after one that has refused it. */
  mayTryAgain({ request }: Call): boolean {
    return request !== undefined && request.targetNode === undefined;
  }

  /** Whoever had it did not start it, and it may be tried again. */
  refused(call: Call, refusal: Failure, now: number): readonly RpcEffect[] {
    const { to } = call, request = call.request!;
    call.refusal = refusal;
    const lost = to !== undefined && refusal.code === "no_handler" && call.tried.some((one) => isHub(one, to));
    return [...lost ? [this.#stale(request.procedure, to)] : NOTHING, ...this.#again(call, request, now)];
  }

  /** Asks for somebody who takes a cast. */
  seekFor(cast: Cast): readonly RpcEffect[] {
    return this.#seek(cast, { fresh: false, brief: false });
  }

  /** The mesh knows which hubs serve what was asked for. */
  found(
    { seek, hubs, remembered, complete }: Extract<RpcCommand, { type: "found" }>,
    now: number,
  ): readonly RpcEffect[] {
    const { options } = this.#parts, effects: RpcEffect[] = [];
    const others = hubs.filter((hub) => !equalBytes(hub, options.node))
      .map((node): HubProvider => ({ local: false, hub: toHex(node), node }));
    for (const seeker of this.#seeks.take(seek)) {
      if ("kind" in seeker) effects.push(...this.#cast(seeker, others));
      else if (this.#isHeld(seeker)) {
        seeker.hubs = others;
        seeker.remembered = remembered && !seek.startsWith(FRESH);
        seeker.isUnsure = !complete;
        effects.push(...this.#resume(seeker, now));
      }
    }
    return effects;
  }

  // Among those who serve it

  #toProvider(call: Call, request: RpcRequest, now: number): readonly RpcEffect[] {
    const { hub } = this.#parts.options, { targetNode } = request, mayAsk = this.#mayAsk(call, request);
    const strategy = strategyOf(request.strategy), candidates = this.#candidates(call, request, strategy, now);
    if (mayAsk && call.hubs === undefined && (candidates.length === 0 || spansHubs(strategy))) {
      return this.#park(call, request, { fresh: false, brief: candidates.length > 0 });
    }
    const awake = this.#parts.silence.awake(candidates, now), turn = this.#turn(request.procedure);
    const { random } = this.#parts.options;
    const chosen = awake.length <= 1 ? awake[0] : select(awake, { strategy, turn, caller: request.fromNode, random });
    if (chosen === undefined) {
      if (!hub && call.origin.kind === "own" && targetNode === undefined) return this.#handUp(call, request, now);
      if (mayAsk && call.remembered) return this.#park(call, request, { fresh: true, brief: false });
      if (call.late.length > 0) return this.#backTo(call, request, now);
      return this.#parts.finish(call, call.refusal ?? this.#nobody(call, request));
    }
    call.tried = call.tried.length === 0 ? [chosen] : [...call.tried, chosen];
    if ("hub" in chosen) return this.#toHub(call, chosen.node, request, now);
    if (!chosen.local) return this.#handOver(call, chosen.peer, request, now);
    return this.#parts.run(call, chosen, request, now);
  }

  /** There is nobody else: it waits again, for the hub that is linked by now or has been dialled for the longest. */
  #backTo(call: Call, request: RpcRequest, now: number): readonly RpcEffect[] {
    const next = call.late.find(({ hub }) => this.#parts.links.isHub(hub)) ?? call.late[0]!;
    call.late = call.late.filter((one) => one !== next);
    call.tried = call.tried.filter((one) => one !== next);
    return this.#toProvider(call, request, now);
  }

  /** Those that were not tried: for strategies that do not span hubs, other hubs only when there is nobody here. */
  #candidates(
    call: Call,
    { procedure, targetNode }: RpcRequest,
    strategy: Strategy,
    now: number,
  ): readonly (ProviderEntry | HubProvider)[] {
    const { hub } = this.#parts.options, onlyOwn = targetNode !== undefined || !hub;
    if (onlyOwn && call.origin.kind === "own" && targetNode === undefined && strategy !== "local_first") {
      return []; // the hub chooses among all
    }
    const here = this.#here(call, procedure, onlyOwn);
    if (call.hubs === undefined || here.length > 0 && !spansHubs(strategy)) return here;
    return this.#withHubs(call, here, strategy, now);
  }

  /** Nearly always all who serve it: then without a list for each call. */
  #here({ tried }: Call, procedure: string, onlyOwn: boolean): readonly ProviderEntry[] {
    const all = this.#parts.providers.of(procedure);
    if (tried.length === 0 && (!onlyOwn || all.every(isLocal))) return all;
    return all.filter((one) => (!onlyOwn || one.local) && !tried.includes(one));
  }

  #withHubs(
    { hubs: known = [], tried }: Call,
    here: readonly ProviderEntry[],
    strategy: Strategy,
    now: number,
  ): readonly (ProviderEntry | HubProvider)[] {
    const { links, silence } = this.#parts;
    const left = known.filter(({ hub }) => !tried.some((one) => isHub(one, hub))), hubs = silence.awake(left, now);
    if (strategy !== "local_first") return [...here, ...left];
    const near = hubs.filter(({ hub }) => links.isHub(hub)); // a dial takes time, of a dead hub a call's whole time
    return near.length > 0 ? near : hubs;
  }

  #nobody({ origin, isUnsure }: Call, { procedure, targetNode }: RpcRequest): Failure {
    const isPassedOn = origin.kind === "link" && (!this.#parts.options.hub || this.#parts.links.isHub(origin.peer));
    if (isPassedOn || targetNode !== undefined) {
      return { code: "no_handler", text: `Cannot call ${procedure}: this node does not serve it` };
    }
    if (isUnsure) {
      const text = `Cannot call ${procedure}: too few of the hubs that would know who serves it have answered`;
      return { code: "unavailable", text };
    }
    return { code: "no_provider", text: `Cannot call ${procedure}: nobody serves it` };
  }

  #turn(procedure: string): number {
    const turn = this.#parts.providers.turn(procedure);
    if (turn !== undefined) return turn;
    const next = this.#turns.get(procedure) ?? 0;
    if (this.#parts.options.directory) this.#turns.set(procedure, next + 1);
    return next;
  }

  // On the way

  /** To an edge that is attached here, or to the hub above. */
  #handOver(call: Call, peer: Peer, request: RpcRequest, now: number): readonly RpcEffect[] {
    const { options: { hub, directory }, providers, silence } = this.#parts;
    const others = directory || providers.of(request.procedure).length > call.tried.length;
    call.to = peer;
    call.request = hub && others && request.targetNode === undefined ? request : undefined;
    if (!this.#hold(call)) return this.#parts.finish(call, DUPLICATE);
    if (hub) silence.asked(peer, now);
    return [this.#send(peer, request)];
  }

  /** To the hub above, at once or when there is one. */
  #handUp(call: Call, request: RpcRequest, now: number): readonly RpcEffect[] {
    const { options: { callsPerLinkMax }, calls, up } = this.#parts, hub = up();
    if (hub !== undefined) return this.#handOver(call, hub, request, now);
    if (calls.size >= callsPerLinkMax) {
      const text = `Cannot call ${request.procedure}: no link, and ${calls.size} calls wait for one`;
      return this.#parts.finish(call, { code: "unavailable", text });
    }
    call.to = undefined;
    call.request = request;
    return this.#hold(call) ? NOTHING : this.#parts.finish(call, DUPLICATE);
  }

  /** To another hub, over a link or by a dial. */
  #toHub(call: Call, hub: Uint8Array, request: RpcRequest, now: number): readonly RpcEffect[] {
    const { options: { directory, hopsMax }, links, silence } = this.#parts, name = toHex(hub);
    const left = Math.min(request.hopsLeft ?? hopsMax, hopsMax);
    if (!directory && !links.isHub(name)) return this.#unreachable(call, request.targetNode ?? hub);
    if (left <= 0) {
      const text = `Cannot call ${request.procedure}: it has been passed on as often as it may`;
      return this.#parts.finish(call, { code: "hop_limit_exceeded", text });
    }
    call.to = name;
    call.request = request;
    if (!this.#hold(call)) return this.#parts.finish(call, DUPLICATE);
    silence.asked(name, now);
    return [this.#send(name, { ...withTimeLeft(request, call.deadline - now), hopsLeft: left - 1 })];
  }

  #send(to: Peer, message: RpcMessage): RpcEffect {
    return { kind: "send", to, message, lane: "calls" };
  }

  /** Whether it is held: else its id is in use. */
  #hold(call: Call): boolean {
    const { options: { relayGraceMs }, calls } = this.#parts;
    return calls.add(call, call.origin.kind === "own" ? call.deadline : call.deadline + relayGraceMs);
  }

  #unreachable(call: Call, node: Uint8Array): readonly RpcEffect[] {
    return this.#parts.finish(call, unreachable(toHex(node)));
  }

  // Asking the mesh

  /** Whether other hubs may serve it: one that another hub has passed on is served here or not at all. */
  #mayAsk(call: Call, { targetNode, procedure }: RpcRequest): boolean {
    return this.#parts.options.directory && targetNode === undefined && !procedure.startsWith(RESERVED_PREFIX) &&
      !this.#isPassedOn(call);
  }

  #isPassedOn({ origin }: Call): boolean {
    return origin.kind === "link" && this.#parts.links.isHub(origin.peer);
  }

  #park(
    call: Call,
    request: RpcRequest,
    how: { readonly fresh: boolean; readonly brief: boolean },
  ): readonly RpcEffect[] {
    const { finish } = this.#parts;
    call.to = undefined;
    call.request = request;
    call.remembered = false;
    if (!this.#hold(call)) return finish(call, DUPLICATE);
    return this.#seek(call, how, request.procedure);
  }

  #seek(
    seeker: Call | Cast,
    { fresh, brief }: { readonly fresh: boolean; readonly brief: boolean },
    procedure: string = (seeker as Cast).procedure,
  ): readonly RpcEffect[] {
    const seek = `${fresh ? FRESH : ""}${brief ? "brief " : ""}${procedure}`;
    return this.#seeks.add(seek, seeker) === "first"
      ? [question({ type: "seek", seek, procedure, fresh, brief })]
      : NOTHING;
  }

  /** Not given up meanwhile. */
  #isHeld(call: Call): boolean {
    return call.held !== undefined;
  }

  #resume(call: Call, now: number): readonly RpcEffect[] {
    this.#parts.calls.delete(call);
    return this.#again(call, call.request!, now);
  }

  #again(call: Call, request: RpcRequest, now: number): readonly RpcEffect[] {
    return this.route(call, withTimeLeft(request, call.deadline - now), now);
  }

  #cast(cast: Cast, hubs: readonly HubProvider[]): readonly RpcEffect[] {
    const { node, random } = this.#parts.options;
    const turn = this.#turn(cast.procedure), caller = cast.fromNode ?? node;
    const chosen = select(hubs, { strategy: "local_first", turn, caller, random });
    if (chosen === undefined) return NOTHING;
    return [this.#send(chosen.hub, cast)];
  }

  #stale(procedure: string, hub: Peer): RpcEffect {
    return question({ type: "stale", procedure, hub });
  }
}

function question(event: RpcQuestion): RpcEffect {
  return { kind: "event", event };
}

function isLocal({ local }: ProviderEntry): boolean {
  return local;
}

function isHub(one: ProviderEntry | HubProvider, hub: Peer): boolean {
  return "hub" in one && one.hub === hub;
}

function unreachable(node: string): Failure {
  return { code: "node_unreachable", text: `Cannot reach node ${node}: there is no way to it` };
}
