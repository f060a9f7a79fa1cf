/**
 * Calls by name. Every call a node deals with, its own or one it passes on, is one entry in `Calls` while somebody
 * else works on it, or one in `Runs` while a handler of this node does.
 *
 *     own call ─┐                     ┌─▶ handler here (Runs) ─▶ handled ─┐
 *               ├─▶ choose a provider ┤                                   ├─▶ answer or rpc_reply
 *     request ──┘                     └─▶ another link (Calls) ─▶ reply ──┘
 *
 * An edge knows its own handlers and its hub; a hub knows also who of its links advertised what. A call is handed to
 * another provider only when the one before said that it did not start it.
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import type { CommandId, Core, Effect, Failure, Input, Peer, Refusal } from "../base/protocol.ts";
import type { Cast, RpcCancel, RpcReply, RpcRequest } from "../wire/mod.ts";
import { Announcements } from "./announcements.ts";
import { Call, Calls, type Origin, timeout, withTimeLeft } from "./calls.ts";
import { castTo, refuseCast } from "./casts.ts";
import { Links, RESERVED_PREFIX } from "./links.ts";
import { Silence } from "./liveness/silence.ts";
import type { InvocationId, Outcome, RpcCommand, RpcEvent, RpcMessage, RpcTimer } from "./messages.ts";
import type { RpcOptions } from "./options.ts";
import { asProvider, type LocalProvider, type ProviderEntry, Providers } from "./providers.ts";
import { Router } from "./router.ts";
import { invoke, Runs } from "./runs.ts";

/** What a provider says when it did not start: another one may be asked. */
const NOT_STARTED: ReadonlySet<string> = new Set(["no_handler", "overloaded", "going_away"]);

/** A request that carries no deadline is remembered this long; the original's default is 5 s. */
const NO_DEADLINE_MS = 30_000;
/** Longest time that is waited for an answer: a day. Runtime timers end at 24.8 days. */
const DEADLINE_MS_MAX = 86_400_000;

type RpcInput = Input<RpcMessage, RpcCommand, RpcTimer>;
type RpcEffect = Effect<RpcMessage, RpcTimer, RpcEvent>;

const NOTHING: readonly RpcEffect[] = [];
const NO_ID = new Uint8Array(0);
const NOT_THE_CALLER: Failure = { code: "not_the_caller", text: "Cannot call: from_node must be the sender" };
const DUPLICATE: Failure = { code: "duplicate_request", text: "Cannot call: the request id is in use" };

/** The RPC protocol of one node. */
export class RpcCore implements Core<RpcMessage, RpcCommand, RpcTimer, RpcEvent> {
  readonly #options: RpcOptions;
  readonly #providers = new Providers();
  readonly #runs: Runs;
  readonly #calls: Calls;
  readonly #announcements: Announcements;
  readonly #links = new Links();
  readonly #silence = new Silence();
  readonly #router: Router;
  #timerAt = Infinity;

  constructor(options: RpcOptions) {
    const seed = options.random.fork("ids").number() * 0x1_0000_0000 | 0;
    this.#options = options;
    this.#runs = new Runs(seed);
    this.#calls = new Calls(seed);
    this.#announcements = new Announcements(this.#providers, options);
    this.#router = new Router({
      options,
      providers: this.#providers,
      links: this.#links,
      calls: this.#calls,
      silence: this.#silence,
      up: () => this.#announcements.hub,
      run: (call, provider, request, now) => this.#run(call, provider, request, now),
      finish: (call, failure) => this.#finish(call, failure),
    });
  }

  /** Calls that this node made or passes on and that are not answered. */
  get pendingCalls(): number {
    return this.#calls.size;
  }

  /** Whether one that began by `at` (ms) is still on its way. */
  hasCallsBefore(at: number): boolean {
    return this.#calls.hasBefore(at);
  }

  handle(input: RpcInput, now: number): readonly RpcEffect[] {
    switch (input.kind) {
      case "received":
        return this.#received(this.#links.name(input.from), input.message, now);
      case "command":
        return this.#command(input.id, input.command, now);
      case "timer":
        return this.#onTimer(input.timer, now);
      case "peerUp":
        return this.#peerUp(input, now);
      case "peerDown":
        return this.#peerDown(input.peer, now);
    }
  }

  #received(from: Peer, message: RpcMessage, now: number): readonly RpcEffect[] {
    this.#silence.heard(from);
    switch (message.kind) {
      case "rpcRequest":
        return this.#onRequest(from, message, now);
      case "rpcReply":
        return this.#onReply(from, message, now);
      case "rpcCancel":
        return this.#onCancel(from, message);
      case "cast":
        return this.#onCast(from, message, now);
      case "advertise":
      case "unadvertise": {
        const node = this.#links.client(from);
        if (node === undefined || !this.#options.hub) return NOTHING;
        return this.#announcements.onPeer(from, message, { node, links: this.#links, limits: this.#options });
      }
      case "advertiseAck":
        return this.#announcements.onAck(message);
      case "error":
        return NOTHING; // about a cast, for which nobody waits: the node tells its application
    }
  }

  #command(id: CommandId, command: RpcCommand, now: number): readonly RpcEffect[] {
    switch (command.type) {
      case "advertise": {
        const { registration, procedure, concurrency, metadata, ttlMs, unlisted = false } = command;
        const listed = !unlisted && !procedure.startsWith(RESERVED_PREFIX);
        const node = this.#options.node, shared = { local: true as const, node, listed, running: 0 };
        this.#providers.addLocal({ ...shared, registration, procedure, concurrency, metadata, ttlMs });
        return this.#announcements.announce(id, registration, procedure);
      }
      case "unadvertise":
        return this.#announcements.withdraw(id, command.registration);
      case "call": {
        const { request, timeoutMs } = command, { requestId, procedure } = request;
        const origin = { kind: "own", command: id } as const, timeMs = Math.min(timeoutMs, DEADLINE_MS_MAX);
        const call = new Call({ requestId, origin, procedure, timeMs }, now);
        return this.#armed(this.#router.route(call, request, now), now);
      }
      case "cast":
        return [...this.#routeCast(command.cast, now), { kind: "answer", id, value: undefined }];
      case "found":
        return this.#armed(this.#router.found(command, now), now);
      case "late":
        return this.#onLate(command.hub, now);
      case "recorded":
        return this.#announcements.recorded(command.procedure, command.confirmation);
      case "cancel":
        return this.#cancelOwn(command.command, command.reason);
      case "handled":
        return this.#handled(command.invocation, command.outcome);
      case "providers":
        return [{ kind: "answer", id, value: this.#providers.of(command.procedure).map(asProvider) }];
    }
  }

  // From the caller's side

  #onReply(from: Peer, reply: RpcReply, now: number): readonly RpcEffect[] {
    const call = this.#calls.get(reply.requestId);
    if (call === undefined || call.to !== from) return NOTHING;
    this.#calls.delete(call);
    if (reply.code !== undefined && NOT_STARTED.has(reply.code) && this.#router.mayTryAgain(call)) {
      return this.#armed(this.#router.refused(call, { code: reply.code, text: reply.error ?? "" }, now), now);
    }
    if (call.origin.kind === "link") return [this.#send(call.origin.peer, reply)];
    const { result, encoding = "json" } = reply;
    if (result !== undefined) return this.#finish(call, { result, encoding });
    return this.#finish(call, { code: reply.code ?? "handler_error", text: reply.error ?? "" });
  }

  /** Tells whoever asked. */
  #finish(call: Pick<Call, "requestId" | "origin">, outcome: Outcome | Failure): readonly RpcEffect[] {
    const { origin, requestId } = call, failed = "code" in outcome;
    switch (origin.kind) {
      case "nobody":
        return NOTHING;
      case "own":
        if (failed) return [{ kind: "fail", id: origin.command, error: outcome }];
        return [{ kind: "answer", id: origin.command, value: outcome }];
      case "link": {
        const { node: fromNode } = this.#options;
        if (failed) {
          const { text: error, code } = outcome;
          return [this.#send(origin.peer, { kind: "rpcReply", requestId, fromNode, error, code })];
        }
        const { result, encoding } = outcome;
        return [this.#send(origin.peer, { kind: "rpcReply", requestId, fromNode, result, encoding })];
      }
    }
  }

  #send(to: Peer, message: RpcMessage): RpcEffect {
    return { kind: "send", to, message, lane: "calls" };
  }

  #cancelOwn(command: CommandId, reason: string): readonly RpcEffect[] {
    const call = this.#calls.ofCommand(command);
    if (call !== undefined) {
      this.#calls.delete(call);
      return this.#tellCancelled(call, reason);
    }
    const run = this.#runs.ofCommand(command);
    return run === undefined ? NOTHING : [{ kind: "event", event: { type: "abort", invocation: run, reason } }];
  }

  #tellCancelled(call: Call, reason: string): readonly RpcEffect[] {
    if (call.to === undefined) return NOTHING;
    return [this.#send(call.to, { kind: "rpcCancel", requestId: call.requestId, reason })];
  }

  // From the provider's side

  #onRequest(from: Peer, request: RpcRequest, now: number): readonly RpcEffect[] {
    const { requestId, procedure, deadlineMs = NO_DEADLINE_MS } = request;
    const origin: Origin = { kind: "link", peer: from };
    const refusal = this.#requestRefusal(from, request);
    if (refusal !== undefined) {
      const told = this.#finish({ requestId, origin }, refusal);
      return "type" in refusal ? [{ kind: "event", event: refusal }, ...told] : told;
    }
    const timeMs = Math.min(deadlineMs, DEADLINE_MS_MAX);
    return this.#armed(this.#router.route(new Call({ requestId, origin, procedure, timeMs }, now), request, now), now);
  }

  /** Why a request is not taken; with a type where that is the sender's fault. */
  #requestRefusal(from: Peer, { procedure, fromNode, requestId }: RpcRequest): Failure | Refusal | undefined {
    const client = this.#links.client(from), { callsPerLinkMax } = this.#options;
    const refused = { type: "refused", peer: from, action: "call", name: procedure } as const;
    if (client !== undefined && !equalBytes(client, fromNode)) return { ...refused, ...NOT_THE_CALLER };
    const wrong = this.#links.callRefusal(from, procedure);
    if (wrong !== undefined) return wrong;
    if (this.#calls.countOf(from) + this.#runs.countOf(from) >= callsPerLinkMax) {
      const text = `Cannot call: a link has at most ${callsPerLinkMax} calls open`;
      if (client !== undefined) return { ...refused, code: "too_many_calls", text };
      return { code: "overloaded", text }; // another hub, which may ask a third
    }
    return this.#runs.ofRequest(requestId, from) === undefined ? undefined : DUPLICATE;
  }

  #run(call: Call, provider: LocalProvider, request: RpcRequest, now: number): readonly RpcEffect[] {
    if (provider.running >= provider.concurrency) {
      const text = `Cannot call ${request.procedure}: its handler runs ${provider.concurrency} calls already`;
      call.refusal = { code: "overloaded", text };
      return this.#router.route(call, request, now);
    }
    const run = this.#runs.start(call, provider);
    if (run === undefined) return this.#finish(call, DUPLICATE);
    run.watched = this.#calls.watch(call.deadline, run.invocation);
    const { fromNode: caller } = request, from = call.origin.kind === "link" ? call.origin.peer : undefined;
    return [{ kind: "event", event: invoke(run, request, { caller, from, deadlineMs: call.deadline - now }) }];
  }

  #handled(invocation: number, outcome: Outcome | Failure): readonly RpcEffect[] {
    const run = this.#runs.finish(invocation);
    if (run === undefined) return NOTHING;
    if (run.watched !== undefined) this.#calls.unwatch(run.watched);
    return this.#finish(run, outcome);
  }

  #onCancel(from: Peer, message: RpcCancel): readonly RpcEffect[] {
    const { requestId, reason = "cancelled" } = message, call = this.#calls.get(requestId);
    if (call !== undefined && call.origin.kind === "link" && call.origin.peer === from) {
      this.#calls.delete(call);
      return this.#tellCancelled(call, reason);
    }
    const run = this.#runs.ofRequest(requestId, from);
    return run === undefined ? NOTHING : [{ kind: "event", event: { type: "abort", invocation: run, reason } }];
  }

  #onCast(from: Peer, message: Cast, now: number): readonly RpcEffect[] {
    const client = this.#links.client(from), sender = message.fromNode;
    if (client !== undefined && (sender === undefined || !equalBytes(client, sender))) {
      const head = { type: "refused", peer: from, action: "call", name: message.procedure } as const;
      return [{ kind: "event", event: { ...head, ...NOT_THE_CALLER } }];
    }
    const refusal = this.#links.callRefusal(from, message.procedure);
    return refusal === undefined ? this.#routeCast(message, now, from) : refuseCast(message, refusal);
  }

  /** To one provider, with no word on whether it arrived. */
  #routeCast(cast: Cast, now: number, from?: Peer): readonly RpcEffect[] {
    const awake = (list: readonly ProviderEntry[]) => this.#silence.awake(list, now);
    const ways = { providers: this.#providers, links: this.#links, up: this.#announcements.hub, awake };
    const chosen = castTo(cast, ways, this.#options, from);
    if (chosen === undefined) {
      const mayAsk = this.#options.directory && cast.targetNode === undefined && !this.#isHub(from);
      return mayAsk && !this.#providers.of(cast.procedure).length ? this.#router.seekFor(cast) : NOTHING;
    }
    if (typeof chosen === "string") return [this.#send(chosen, cast)];
    const run = this.#runs.start({ requestId: NO_ID, origin: { kind: "nobody" }, timeMs: 0 }, chosen)!;
    const caller = cast.fromNode ?? this.#options.node;
    return [{ kind: "event", event: invoke(run, cast, { caller, from, deadlineMs: undefined }) }];
  }

  // Time, coming and going

  /** With a timer where one is due earlier than the last: seldom, as most calls wait equally long. */
  #armed(effects: readonly RpcEffect[], now: number): readonly RpcEffect[] {
    const timer = this.#arm(now);
    return timer.length === 0 ? effects : [...effects, ...timer];
  }

  #arm(now: number): readonly RpcEffect[] {
    const at = this.#calls.nextDeadline;
    if (at >= this.#timerAt) return NOTHING;
    this.#timerAt = at;
    return [{ kind: "timer", afterMs: Math.max(0, at - now), timer: { type: "deadlines", at } }];
  }

  #onTimer({ at }: RpcTimer, now: number): readonly RpcEffect[] {
    if (at !== this.#timerAt) return NOTHING;
    this.#timerAt = Infinity;
    const effects: RpcEffect[] = [];
    for (let due = this.#calls.takeDue(now); due !== undefined; due = this.#calls.takeDue(now)) {
      if (typeof due === "number") {
        effects.push(...this.#runOverdue(due));
        continue;
      }
      const missing = due.to !== undefined ? "an answer" : this.#options.hub ? "a provider" : "a link to a hub";
      effects.push(...this.#tellCancelled(due, "timeout"), ...this.#finish(due, timeout(due, missing)));
    }
    effects.push(...this.#arm(now));
    return effects;
  }

  /** A handler took too long; who called from here is told by us, everybody else knows. */
  #runOverdue(invocation: InvocationId): readonly RpcEffect[] {
    if (this.#runs.get(invocation) === undefined) return NOTHING;
    const call = this.#runs.disown(invocation);
    return [
      { kind: "event", event: { type: "abort", invocation, reason: "timeout" } },
      ...call === undefined ? NOTHING : this.#finish(call, timeout(call, "an answer")),
    ];
  }

  #peerUp({ peer, node, role, rights }: Extract<RpcInput, { kind: "peerUp" }>, now: number): readonly RpcEffect[] {
    if (this.#options.hub && role === "hub") this.#links.addHub(peer, node);
    else if (this.#options.hub || role !== "hub") this.#links.addClient(peer, node, rights);
    else return this.#attached(peer, node, now);
    return NOTHING;
  }

  #attached(peer: Peer, node: Uint8Array, now: number): readonly RpcEffect[] {
    this.#links.addNode(peer, node);
    const effects = this.#announcements.attach(peer);
    for (const call of this.#calls.waiting()) {
      call.to = peer;
      const message = withTimeLeft(call.request!, call.deadline - now);
      effects.push({ kind: "send", to: peer, message, lane: "calls" });
      call.request = undefined;
    }
    return effects;
  }

  /** A link is gone, or a hub could not be dialled: then `link` is its id. */
  #peerDown(link: Peer, now: number): readonly RpcEffect[] {
    const peer = this.#links.name(link), wasLink = this.#links.delete(link);
    if (this.#isHub(peer)) return NOTHING; // there is another link to it
    this.#silence.forget(peer);
    this.#announcements.detach(peer);
    const effects = this.#announcements.forgetPeer(peer);
    for (const call of this.#calls.involving(peer)) {
      this.#calls.delete(call);
      if (call.origin.kind === "link" && call.origin.peer === peer) {
        if (call.to !== peer) effects.push(...this.#tellCancelled(call, "caller_gone"));
      } else if (!wasLink) effects.push(...this.#router.undelivered(call, now));
      else {
        const code = this.#options.hub ? "provider_lost" : "connection_lost";
        const text = `Cannot tell how ${call.procedure} ended: the link was lost before an answer came`;
        effects.push(...this.#finish(call, { code, text }));
      }
    }
    for (const invocation of this.#runs.abandon(peer)) {
      effects.push({ kind: "event", event: { type: "abort", invocation, reason: "caller_gone" } });
    }
    this.#calls.forget(peer);
    effects.push(...this.#arm(now));
    return effects;
  }

  #onLate(hub: Peer, now: number): readonly RpcEffect[] {
    const effects: RpcEffect[] = [];
    for (const call of this.#calls.involving(hub)) {
      const target = call.request?.targetHub ?? call.request?.targetNode;
      if (call.to !== hub || this.#isHub(hub) || call.request === undefined || target !== undefined) continue;
      this.#calls.delete(call);
      effects.push(...this.#router.late(call, now));
    }
    return [...effects, ...this.#arm(now)];
  }

  #isHub(peer: Peer | undefined): boolean {
    return peer !== undefined && this.#links.isHub(peer);
  }
}
