/**
 * One client of the original as the mesh sees it: its messages become those that an edge of ours would send, and what
 * the hub sends to such an edge becomes what the original expects. Pure: messages in, effects out.
 *
 *     client ── publish, subscribe, rpc_request, call, … ──▶ fromClient ──▶ mesh messages on its link to the hub
 *     client ◀── publish, rpc_request, rpc_reply, reply ─── fromMesh ◀──── mesh messages from the hub
 *
 * @module
 */

import { bytesKey, fromUtf8, utf8 } from "../../base/bytes.ts";
import type { Random } from "../../base/random.ts";
import type { Action, Rights } from "../../identity/mod.ts";
import { isPattern, isTopic, matches, NAME_BYTES_MAX, type Pattern, type Topic } from "../../names/mod.ts";
import type {
  Call,
  Message,
  Publish,
  RpcReply,
  RpcRequest,
  RpcRoute,
  Suback,
  Subscribe,
  Unsubscribe,
  Value,
  ValueMap,
} from "../../wire/mod.ts";
import { isJson, jsonBytes } from "../json.ts";
import { may } from "../policy.ts";
import type { Repeats } from "../repeats.ts";
import { readWireId, type WireId } from "../wire_id.ts";

/** Names one of a client's streams. */
export type StreamId = number;

/** What is to be done for a client. */
export type GuestEffect =
  /** To the hub. */
  | { readonly kind: "mesh"; readonly message: Message }
  /** To the client: on this stream, or on the newest. */
  | { readonly kind: "write"; readonly stream: StreamId | undefined; readonly message: Message }
  /** An event whose topic is none in the mesh: for clients of the original only. */
  | { readonly kind: "amongGuests"; readonly publish: Publish }
  /** Not done: counted under this code. */
  | { readonly kind: "refused"; readonly code: string; readonly about: string }
  /** An event that came before. */
  | { readonly kind: "repeat" };

/** What all clients of a gateway share. */
export interface GuestOptions {
  readonly rights: Rights;
  readonly realm: string;
  /** This gateway: its id, and `host:port`. */
  readonly hub: WireId;
  readonly hubEndpoint: string;
  readonly random: Random;
  readonly repeats: Repeats;
  /** A node's id as the node itself writes it, where it is a client too; else as it is given. */
  readonly spelled: (node: Uint8Array) => Uint8Array;
}

/** Requests of one client that wait for their answers; the hub answers each. */
export const REQUESTS_MAX = 10_000;
/** Patterns of one client that no topic of the mesh can match. */
export const FOREIGN_PATTERNS_MAX = 1_000;

/** A request of the client, as it is to be answered. */
interface Asked {
  readonly form: "rpcReply" | "reply";
  readonly id: Uint8Array;
  readonly stream: StreamId | undefined;
}

/** What the original's clients know of errors. */
const ERROR_TEXTS: Readonly<Record<string, string>> = {
  no_provider: "procedure_not_found",
  no_handler: "procedure_not_found",
  node_unreachable: "target_peer_not_found",
};

const NOTHING: readonly GuestEffect[] = [];

/** The translation for one client. */
export class Guest {
  readonly id: WireId;
  readonly #options: GuestOptions;
  readonly #patterns = new Set<Pattern>();
  readonly #foreign = new Set<string>();
  readonly #asked = new Map<string, Asked>();
  /** Patterns that the hub has yet to confirm, by request. */
  readonly #subscribing = new Map<number, readonly Pattern[]>();
  #requests = 0;

  constructor(id: WireId, options: GuestOptions) {
    this.id = id;
    this.#options = options;
  }

  /** What it wants, to be asked for again when it comes back. */
  get patterns(): readonly string[] {
    return [...this.#patterns, ...this.#foreign];
  }

  /** Whether it wants a topic that is none in the mesh. */
  wantsForeign(topic: string): boolean {
    for (const pattern of [...this.#foreign, ...this.#patterns]) {
      if (matches(pattern as Pattern, topic as Topic)) return true;
    }
    return false;
  }

  /** A message of the client that came in on `stream`. */
  fromClient(stream: StreamId, message: Message, now: number): readonly GuestEffect[] {
    switch (message.kind) {
      case "publish":
        return this.#publish(message, now);
      case "pubsubRoute":
        return this.#routed({ ...message.payload, topic: message.topic }, now);
      case "subscribe":
        return this.subscribe(message);
      case "unsubscribe":
        return this.#unsubscribe(message);
      case "rpcRequest":
        return this.#request(stream, message, now);
      case "rpcReply":
        return this.#reply(message);
      case "call":
        return this.#call(stream, message, now);
      case "rpcRoute":
        return this.#route(message, now);
      default:
        return NOTHING; // ignored by the original too
    }
  }

  /** A message of the hub. */
  fromMesh(message: Message, now: number): readonly GuestEffect[] {
    switch (message.kind) {
      case "publish":
        // It asks for no kept events, and could not tell them from live ones.
        return message.kept ? NOTHING : [this.#push(eventOf(message))];
      case "rpcRequest":
        return [this.#push(this.#requestFor(message, message.requestId, now))];
      case "cast": {
        const { procedure, args, fromNode = this.#options.hub.bytes } = message;
        const request = { kind: "rpcRequest", procedure, args, fromNode } as const; // nobody waits for its answer
        return [this.#push(this.#requestFor(request, this.#options.random.bytes(16), now))];
      }
      case "rpcReply":
        return this.#answer(message, now);
      case "suback":
        return this.#subscribed(message);
      default:
        return NOTHING;
    }
  }

  // Events

  #publish(message: Publish, now: number): readonly GuestEffect[] {
    const { topic, payload, qos, retain } = message, { random, repeats } = this.#options;
    if (!this.#may("publish", topic)) return [refused("publish", topic)];
    if (qos > 0 && repeats.has(this.id.bytes, message, now)) return [{ kind: "repeat" }];
    // Its message ids count up from 1 in each process: those of two clients would be taken for one.
    const head = { kind: "publish", topic, payload, qos, retain, messageId: random.bytes(16) } as const;
    if (!isTopic(topic)) return [{ kind: "amongGuests", publish: head }];
    const event: Publish = {
      ...head,
      publisher: this.id.bytes,
      claimed: true,
      ...qos > 0 ? { acknowledge: true } : {},
    };
    return [mesh(event)];
  }

  /** An event that a gateway sends for each node that it knows to want it: as we are all of them, it comes several times. */
  #routed(message: Publish, now: number): readonly GuestEffect[] {
    const isRepeat = message.qos === 0 && this.#options.repeats.has(this.id.bytes, message, now);
    return isRepeat ? [{ kind: "repeat" }] : this.#publish(message, now);
  }

  /** Wants more; what it wants already, by a frame or by a record, it gets once. */
  subscribe({ topics }: Pick<Subscribe, "topics">): readonly GuestEffect[] {
    const effects: GuestEffect[] = [], fresh: Pattern[] = [];
    for (const topic of new Set(topics)) {
      if (this.#patterns.has(topic as Pattern) || this.#foreign.has(topic)) continue;
      if (!this.#may("subscribe", topic)) effects.push(refused("subscribe", topic));
      else if (isPattern(topic)) fresh.push(topic);
      else if (this.#foreign.size >= FOREIGN_PATTERNS_MAX || topic.length > NAME_BYTES_MAX) {
        effects.push({ kind: "refused", code: "too_many_subscriptions", about: topic });
      } else this.#foreign.add(topic);
    }
    if (fresh.length === 0) return effects;
    const requestId = ++this.#requests;
    for (const pattern of fresh) this.#patterns.add(pattern);
    this.#subscribing.set(requestId, fresh);
    return [...effects, mesh({ kind: "subscribe", topics: fresh, qos: 0, requestId })];
  }

  #unsubscribe({ topics }: Unsubscribe): readonly GuestEffect[] {
    const gone = topics.filter((topic) => this.#patterns.delete(topic as Pattern));
    for (const topic of topics) this.#foreign.delete(topic);
    return gone.length === 0 ? NOTHING : [mesh({ kind: "unsubscribe", topics: gone })];
  }

  #subscribed({ requestId, code }: Suback): readonly GuestEffect[] {
    const patterns = this.#subscribing.get(requestId) ?? [];
    this.#subscribing.delete(requestId);
    if (code === undefined) return NOTHING;
    for (const pattern of patterns) this.#patterns.delete(pattern);
    return patterns.map((about) => ({ kind: "refused", code, about }));
  }

  // Calls

  #request(stream: StreamId, message: RpcRequest, now: number): readonly GuestEffect[] {
    const { procedure, args, realm, requestId, targetNode } = message, { hub } = this.#options;
    const target = targetNode === undefined ? undefined : readWireId(targetNode);
    const forNode = target === undefined || target.node === hub.node ? undefined : target.bytes;
    // As the original: a gateway answers where it was asked, and passes on a peer's answer to where pushes go.
    const asked: Asked = {
      form: "rpcReply",
      id: requestId.slice(),
      stream: forNode === undefined ? stream : undefined,
    };
    const wanted = { procedure, args, ...forNode === undefined ? {} : { targetNode: forNode } };
    return this.#ask(wanted, realm, asked, now);
  }

  #call(stream: StreamId, { procedure, args, callId, realm }: Call, now: number): readonly GuestEffect[] {
    return this.#ask({ procedure, args: jsonBytes(args) }, realm, { form: "reply", id: callId.slice(), stream }, now);
  }

  /** A call that the original would pass on; the answer comes as a plain `reply`, the only one that its clients read. */
  #route({ payloadType, payload, destinationNodeId }: RpcRoute, now: number): readonly GuestEffect[] {
    if (payloadType !== "call" || !(payload instanceof Map)) return NOTHING;
    const map = payload as ValueMap, procedure = textOf(map.get("procedure")), id = map.get("call_id");
    const realm = textOf(map.get("realm")), args = map.get("args") ?? null;
    if (procedure === undefined || !(id instanceof Uint8Array)) return NOTHING;
    const target = readWireId(destinationNodeId),
      isHub = target === undefined || target.node === this.#options.hub.node;
    const asked: Asked = { form: "reply", id: id.slice(), stream: undefined };
    const wanted = { procedure, args: jsonBytes(args), ...isHub ? {} : { targetNode: target.bytes } };
    return this.#ask(wanted, realm, asked, now);
  }

  #ask(
    wanted: Pick<RpcRequest, "procedure" | "args" | "targetNode">,
    realm: string | undefined,
    asked: Asked,
    now: number,
  ): readonly GuestEffect[] {
    const { procedure } = wanted, failed = (code: string) => this.#failed(asked, { code, error: code }, now);
    if (realm !== undefined && realm !== this.#options.realm) {
      return [{ kind: "refused", code: "wrong_realm", about: procedure }, failed("wrong_realm")];
    }
    if (!this.#may("call", procedure)) return [refused("call", procedure), failed("unauthorized")];
    if (this.#asked.size >= REQUESTS_MAX) return [failed("overloaded")];
    const requestId = this.#options.random.bytes(16);
    this.#asked.set(bytesKey(requestId), asked);
    return [mesh({ kind: "rpcRequest", requestId, fromNode: this.id.bytes, claimed: true, ...wanted })];
  }

  /** The hub's answer to a request of the client. */
  #answer(reply: RpcReply, now: number): readonly GuestEffect[] {
    const key = bytesKey(reply.requestId), asked = this.#asked.get(key);
    if (asked === undefined) return NOTHING;
    this.#asked.delete(key);
    const { result, error = "", code = "" } = reply;
    const known = ERROR_TEXTS[code];
    if (result === undefined) return [this.#failed(asked, { code: known ?? code, error: known ?? error }, now)];
    const { form, id, stream } = asked;
    const message: Message = form === "reply" ? { kind: "reply", callId: id, result } : {
      kind: "rpcReply",
      type: "rpc_reply",
      requestId: id,
      result,
      fromNode: this.#options.spelled(reply.fromNode),
      toNode: this.id.wire,
      timestamp: Math.floor(now),
    };
    return [{ kind: "write", stream, message }];
  }

  #failed({ form, id, stream }: Asked, { code, error }: { code: string; error: string }, now: number): GuestEffect {
    const fromNode = this.#options.hub.bytes, toNode = this.id.wire, timestamp = Math.floor(now);
    const message: Message = form === "reply"
      ? { kind: "reply", callId: id, error: new Map([["code", utf8(code)], ["message", utf8(error)]]) }
      : { kind: "rpcReply", type: "rpc_reply", requestId: id, error, fromNode, toNode, timestamp };
    return { kind: "write", stream, message };
  }

  #requestFor(
    { procedure, args, fromNode }: Pick<RpcRequest, "procedure" | "args" | "fromNode">,
    requestId: Uint8Array,
    now: number,
  ): RpcRequest {
    const { realm, hubEndpoint: fromEndpoint } = this.#options, timestamp = Math.floor(now);
    const caller = this.#options.spelled(fromNode);
    const head = { kind: "rpcRequest", type: "rpc_request", requestId, procedure, args, fromNode: caller } as const;
    return { ...head, fromEndpoint, targetNode: this.id.wire, realm, timestamp };
  }

  /** The client's answer to a request that the hub gave it; the hub looks whether it did. */
  #reply({ requestId, result, error = "" }: RpcReply): readonly GuestEffect[] {
    const head = { kind: "rpcReply", requestId, fromNode: this.id.bytes } as const;
    if (result !== undefined) {
      return [mesh({ ...head, result, encoding: isJson(result) ? "json" : "bytes" })];
    }
    const code = error === "procedure_not_found" || error === "rpc_handler_not_available"
      ? "no_handler"
      : "handler:handler_error";
    return [mesh({ ...head, error, code })];
  }

  #push(message: Message): GuestEffect {
    return { kind: "write", stream: undefined, message };
  }

  #may(action: Action, name: string): boolean {
    return may(this.#options.rights, action, name);
  }
}

/** An event as the original knows it. */
export function eventOf({ topic, payload, qos, retain, messageId }: Publish): Publish {
  return { kind: "publish", topic, payload, qos, retain, messageId };
}

function mesh(message: Message): GuestEffect {
  return { kind: "mesh", message };
}

function refused(action: Action, about: string): GuestEffect {
  return { kind: "refused", code: `${action}_not_allowed`, about };
}

function textOf(value: Value | undefined): string | undefined {
  if (!(value instanceof Uint8Array)) return typeof value === "string" ? value : undefined;
  try {
    return fromUtf8(value);
  } catch {
    return undefined;
  }
}
