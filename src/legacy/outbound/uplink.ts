/**
 * Our edge as a gateway of the original sees it: what the edge would say to a hub of ours becomes what a peer of the
 * original says, and the other way round. Pure: messages and timers in, effects out.
 *
 *     edge ── subscribe, publish, rpc_request, advertise ──▶ fromMesh ──▶ SUBSCRIBE, PUBLISH, FIND_VALUE and RPC_REQUEST, STORE
 *     edge ◀── suback, publish, rpc_request, rpc_reply ── fromGateway ◀── PONG, PUBLISH, RPC_REQUEST, RPC_REPLY
 *
 * @module
 */

import { bytesKey, fromUtf8, utf8 } from "../../base/bytes.ts";
import type { Failure } from "../../base/protocol.ts";
import type { Random } from "../../base/random.ts";
import { sha256 } from "../../identity/mod.ts";
import type { Advertise, Connect, Message, Publish, RpcReply, RpcRequest } from "../../wire/mod.ts";
import { eventOf } from "../client/guest.ts";
import { isJson } from "../json.ts";
import { serviceRecord } from "../records/questions.ts";
import type { Repeats } from "../repeats.ts";
import { readWireId } from "../wire_id.ts";
import { type Ask, Confirmations } from "./confirmations.ts";
import { LOOKUP_MS, Lookups, type LookupStep } from "./lookups.ts";

/** What is to be done. */
export type UplinkEffect =
  | { readonly kind: "mesh"; readonly message: Message }
  /** To the gateway; `casual`: nobody waits to hear that it was taken. */
  | { readonly kind: "write"; readonly message: Message; readonly casual?: true }
  | { readonly kind: "timer"; readonly afterMs: number; readonly timer: UplinkTimer }
  /** The gateway does not answer any more. */
  | { readonly kind: "lost" };

/** Sent to one's future self. */
export type UplinkTimer =
  | { readonly type: "confirm"; readonly stamp: number }
  | { readonly type: "lookup"; readonly attempt: number }
  | { readonly type: "renew" }
  | { readonly type: "keepAlive" };

/** What an uplink is made with. */
export interface UplinkOptions {
  /** This node's id, 32 bytes. */
  readonly self: Uint8Array;
  readonly realm: string;
  /** The gateway as it was dialled: `host:port`. */
  readonly gateway: string;
  readonly random: Random;
  /** Outlives a link: an event may come again on the next one. */
  readonly repeats: Repeats;
}

/**
 * When we say again who we are, what we want, and what we store for 300 s, ms: the original stores it again then; its gateway
 * may have crashed, and has forgotten all of it without a word.
 */
const RENEW_MS = 240_000;
const PING_MS = 30_000;
/** Topics of one frame, bytes: it should fit into one packet. */
const TOPICS_BYTES_MAX = 900;
/** Requests from the gateway that are not answered. */
const SERVING_MAX = 10_000;

const NOTHING: readonly UplinkEffect[] = [];
const CODES: Readonly<Record<string, string>> = {
  target_peer_not_found: "node_unreachable",
  procedure_not_found: "no_handler",
  rpc_handler_not_available: "no_handler",
};

/** A call of ours on its way, and the providers that may be asked next. */
interface Calling {
  readonly request: RpcRequest;
  readonly others: readonly Uint8Array[];
}

/** The translation for one link to a gateway of the original. */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #confirmations = new Confirmations<UplinkEffect>();
  readonly #lookups = new Lookups();
  /** Calls that wait for a lookup. */
  readonly #seeking = new Map<string, RpcRequest[]>();
  readonly #calling = new Map<string, Calling>();
  /** Requests of others that a handler of ours works on, as they are to be answered. */
  readonly #serving = new Map<string, { readonly id: Uint8Array; readonly from: Uint8Array }>();
  readonly #served = new Set<string>();
  readonly #wanted = new Set<string>();

  constructor(options: UplinkOptions) {
    this.#options = options;
  }

  /** What the gateway is told first. Without `endpoint` it would crash; an empty one says that nobody can dial us. */
  connect(): Connect {
    const { self: nodeId, realm: realmId } = this.#options, capabilities = ["pubsub", "rpc"];
    return { kind: "connect", version: "1.0", nodeId, realmId, capabilities, endpoint: "" };
  }

  /** The gateway has answered CONNECT. */
  start(): readonly UplinkEffect[] {
    return [after(PING_MS, { type: "keepAlive" }), after(RENEW_MS, { type: "renew" })];
  }

  /** A message of our edge. */
  fromMesh(message: Message, now: number): readonly UplinkEffect[] {
    switch (message.kind) {
      case "publish":
        return this.#publish(message, now);
      case "subscribe":
      case "unsubscribe": {
        const { kind, requestId, topics } = message, isWanted = kind === "subscribe";
        for (const topic of topics) this.#wanted[isWanted ? "add" : "delete"](topic);
        const frames = isWanted ? subscribes(topics) : parts(topics).map((topics) => ({ kind, topics }));
        return this.#confirmed(
          frames,
          frames,
          (failure) => requestId === undefined ? [] : [{ kind: "suback", requestId, ...failure }],
          now,
        );
      }
      case "recall":
        return [mesh({ kind: "recalled", requestId: message.requestId })]; // the original keeps none
      case "advertise":
        return this.#advertise(message, now);
      case "unadvertise":
        for (const procedure of message.procedures) this.#served.delete(procedure); // its record ends by itself
        return [mesh({ kind: "advertiseAck", requestId: message.requestId })];
      case "rpcRequest":
        return this.#call(message, now);
      case "cast":
        return this.#call({
          ...message,
          kind: "rpcRequest",
          requestId: this.#options.random.bytes(16),
          fromNode: this.#options.self,
        }, now);
      case "rpcCancel":
        this.#calling.delete(bytesKey(message.requestId));
        return NOTHING;
      case "rpcReply":
        return this.#answer(message, now);
      default:
        return NOTHING;
    }
  }

  /** A message of the gateway. */
  fromGateway(message: Message, now: number): readonly UplinkEffect[] {
    switch (message.kind) {
      case "publish":
        if (this.#options.repeats.has(NOBODY, message, now)) return NOTHING;
        return [mesh({ ...eventOf(message), messageId: this.#options.random.bytes(16), claimed: true })];
      case "pong":
        return message.nodeId === undefined ? this.#confirmations.onPong(message.timestamp) : NOTHING;
      case "findValueReply":
        return this.#steps(this.#lookups.onReply(message, now), now);
      case "rpcRequest":
        return this.#serve(message);
      case "rpcReply":
        return this.#replied(message, now);
      case "ping":
        return [write({ kind: "pong", timestamp: message.timestamp, serverTime: Math.floor(now) })];
      default:
        return NOTHING;
    }
  }

  /** A timer. */
  onTimer(timer: UplinkTimer, now: number): readonly UplinkEffect[] {
    switch (timer.type) {
      case "confirm": {
        const next = this.#confirmations.onTimer(timer.stamp, now);
        return "messages" in next ? asked(next) : next;
      }
      case "lookup":
        return this.#steps(this.#lookups.onTimer(timer.attempt), now);
      case "renew":
        return [...this.#renewed().map(write), after(RENEW_MS, timer)];
      case "keepAlive": {
        const ask = this.#confirmations.ask([], [], (isTaken) => isTaken ? [] : [{ kind: "lost" }], now);
        return [...asked(ask), after(PING_MS, timer)];
      }
    }
  }

  // Events and announcements

  #publish(publish: Publish, now: number): readonly UplinkEffect[] {
    const event = eventOf(publish), { messageId } = publish;
    if (!publish.acknowledge) return [{ kind: "write", message: event, casual: true }];
    // Whom the gateway handed it to it does not say; and a second time would be a second event.
    return this.#confirmed(
      [event],
      [],
      (failure) => [{ kind: "puback", messageId, ...failure && { recipients: 0, ...failure } }],
      now,
    );
  }

  #advertise({ requestId, procedures }: Advertise, now: number): readonly UplinkEffect[] {
    for (const procedure of procedures) this.#served.add(procedure);
    const frames = procedures.map((procedure) => this.#record(procedure));
    return this.#confirmed(frames, frames, (failure) => [{ kind: "advertiseAck", requestId, ...failure }], now);
  }

  #renewed(): readonly Message[] {
    const records = [...this.#served].map((procedure) => this.#record(procedure));
    return [this.connect(), ...subscribes([...this.#wanted]), ...records];
  }

  #record(procedure: string): Message {
    const value = serviceRecord(this.#options.self, `https://${this.#options.gateway}`);
    return { kind: "store", type: "store", key: sha256(utf8(procedure)), value };
  }

  #confirmed(
    messages: readonly Message[],
    repeated: readonly Message[],
    answer: (failure: Failure | undefined) => readonly Message[],
    now: number,
  ): readonly UplinkEffect[] {
    const late = { code: "timeout", text: "Cannot tell whether the gateway took it: it does not answer" };
    return asked(
      this.#confirmations.ask(messages, repeated, (isTaken) => answer(isTaken ? undefined : late).map(mesh), now),
    );
  }

  // Calls of ours

  #call(request: RpcRequest, now: number): readonly UplinkEffect[] {
    const { frame: _, ...own } = request, { procedure, args, targetNode } = own;
    const kept: RpcRequest = { ...own, args: args.slice(), requestId: own.requestId.slice() };
    if (targetNode !== undefined) return this.#ask(kept, [targetNode.slice()], now);
    const wanted = procedure === "_mesh.providers" ? wantedOf(args) : procedure;
    if (wanted === undefined || wanted.startsWith("_mesh.")) return [this.#nobody(kept)];
    const waiting = this.#seeking.get(wanted);
    if (waiting === undefined) this.#seeking.set(wanted, [kept]);
    else waiting.push(kept);
    return this.#steps(this.#lookups.want(wanted, now), now);
  }

  #steps(steps: readonly LookupStep[], now: number): readonly UplinkEffect[] {
    return steps.flatMap((step): readonly UplinkEffect[] => {
      switch (step.kind) {
        case "ask":
          return [write(step.message), after(LOOKUP_MS, { type: "lookup", attempt: step.attempt })];
        case "part":
          return asked(this.#confirmations.ask([], [], () => this.#steps(this.#lookups.parted(), now), now));
        case "found": {
          const waiting = this.#seeking.get(step.procedure) ?? [];
          this.#seeking.delete(step.procedure);
          return waiting.flatMap((request) => this.#found(request, step.nodes, now));
        }
      }
    });
  }

  #found(request: RpcRequest, nodes: readonly Uint8Array[], now: number): readonly UplinkEffect[] {
    if (request.procedure !== "_mesh.providers") return this.#ask(request, nodes, now);
    const providers = nodes.map((node) => ({ node: readWireId(node)!.node })), { requestId } = request;
    const result = utf8(JSON.stringify(providers));
    return [mesh({ kind: "rpcReply", requestId, fromNode: this.#options.self, result, encoding: "json" })];
  }

  #ask(request: RpcRequest, nodes: readonly Uint8Array[], now: number): readonly UplinkEffect[] {
    const { self, realm, gateway, random } = this.#options, { procedure, args, requestId } = request;
    if (nodes.length === 0) return [this.#nobody(request)];
    const chosen = Math.floor(random.number() * nodes.length), targetNode = nodes[chosen]!;
    this.#calling.set(bytesKey(requestId), { request, others: nodes.filter((_, i) => i !== chosen) });
    const head = { kind: "rpcRequest", type: "rpc_request", requestId, procedure, args, fromNode: self } as const;
    return [write({ ...head, fromEndpoint: gateway, targetNode, realm, timestamp: Math.floor(now) })];
  }

  #nobody({ requestId, procedure }: RpcRequest): UplinkEffect {
    const error = `Cannot call ${procedure}: nobody serves it that the gateway knows`, fromNode = this.#options.self;
    return mesh({ kind: "rpcReply", requestId, fromNode, error, code: "no_provider" });
  }

  #replied({ requestId, result, error = "", fromNode }: RpcReply, now: number): readonly UplinkEffect[] {
    const key = bytesKey(requestId), calling = this.#calling.get(key);
    if (calling === undefined) return NOTHING;
    this.#calling.delete(key);
    const { request, others } = calling, from = readWireId(fromNode)?.bytes ?? this.#options.self;
    if (result !== undefined) {
      const encoding = isJson(result) ? "json" : "bytes";
      return [mesh({ kind: "rpcReply", requestId, fromNode: from, result, encoding })];
    }
    const code = CODES[error] ?? "handler:handler_error";
    if (code === "node_unreachable") this.#lookups.forget(request.procedure);
    if (code === "node_unreachable" && others.length > 0) return this.#ask(request, others, now);
    return [mesh({ kind: "rpcReply", requestId, fromNode: from, error, code })];
  }

  // Calls of others

  #serve({ requestId, procedure, args, fromNode }: RpcRequest): readonly UplinkEffect[] {
    const from = readWireId(fromNode), { random } = this.#options;
    if (from === undefined || this.#serving.size >= SERVING_MAX) return NOTHING;
    const own = random.bytes(16); // theirs count up from 1: two callers' may agree
    this.#serving.set(bytesKey(own), { id: requestId.slice(), from: from.wire });
    return [mesh({ kind: "rpcRequest", requestId: own, procedure, args, fromNode: from.bytes, claimed: true })];
  }

  #answer({ requestId, result, error = "", code = "" }: RpcReply, now: number): readonly UplinkEffect[] {
    const key = bytesKey(requestId), serving = this.#serving.get(key);
    if (serving === undefined) return NOTHING;
    this.#serving.delete(key);
    const head = { kind: "rpcReply", type: "rpc_reply", requestId: serving.id, fromNode: this.#options.self } as const;
    const body = result === undefined ? { error: code === "no_handler" ? "procedure_not_found" : error } : { result };
    return [write({ ...head, ...body, toNode: serving.from, timestamp: Math.floor(now) })];
  }
}

/** Events come from the gateway, whoever published them. */
const NOBODY = new Uint8Array(0);

function mesh(message: Message): UplinkEffect {
  return { kind: "mesh", message };
}

function write(message: Message): UplinkEffect {
  return { kind: "write", message };
}

function after(afterMs: number, timer: UplinkTimer): UplinkEffect {
  return { kind: "timer", afterMs, timer };
}

function asked({ messages, stamp, afterMs }: Ask): readonly UplinkEffect[] {
  return [...messages.map(write), after(afterMs, { type: "confirm", stamp })];
}

/** As many frames as there must be. */
function subscribes(topics: readonly string[]): Message[] {
  return topics.length === 0 ? [] : parts(topics).map((topics) => ({ kind: "subscribe", topics, qos: 0 }));
}

/** Lists of topics that fit into a frame each. */
function parts(topics: readonly string[]): string[][] {
  const lists: string[][] = [];
  let room = 0;
  for (const topic of topics) {
    if (topic.length > room || lists.length === 0) {
      lists.push([]);
      room = TOPICS_BYTES_MAX;
    }
    lists.at(-1)!.push(topic);
    room -= topic.length + 2;
  }
  return lists;
}

/** The procedure that `_mesh.providers` is asked for. */
function wantedOf(args: Uint8Array): string | undefined {
  try {
    const { procedure } = JSON.parse(fromUtf8(args)) as { procedure?: unknown };
    return typeof procedure === "string" ? procedure : undefined;
  } catch {
    return undefined;
  }
}
