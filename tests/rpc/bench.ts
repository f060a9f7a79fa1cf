/** An RPC core as a test drives it. @module */

import { bytesKey } from "../../src/base/bytes.ts";
import type { Effect, PeerRights } from "../../src/base/protocol.ts";
import { seededRandom } from "../../src/base/random.ts";
import { parseProcedure } from "../../src/names/mod.ts";
import { RpcCore } from "../../src/rpc/core.ts";
import type { RpcCommand, RpcEvent, RpcMessage, RpcTimer } from "../../src/rpc/messages.ts";
import { RPC_DEFAULTS, type RpcOptions } from "../../src/rpc/options.ts";
import type { Strategy } from "../../src/rpc/selection.ts";
import type { RpcReply, RpcRequest } from "../../src/wire/mod.ts";

/** What the core wants done. */
export type RpcEffect = Effect<RpcMessage, RpcTimer, RpcEvent>;

/** Node ids. */
export const HUB = id(1), ALICE = id(10), BOB = id(11), CAROL = id(12);
/** The clock's first value. */
export const START = 1_000;

/** A node id of 32 equal bytes. */
export function id(byte: number): Uint8Array {
  return new Uint8Array(32).fill(byte);
}

/** A request id of 16 equal bytes. */
export function requestId(byte: number): Uint8Array {
  return new Uint8Array(16).fill(byte);
}

/** A request for `math.add` by Alice with 5 s left. */
export function request(byte: number, fields: Partial<RpcRequest> = {}): RpcRequest {
  const head = { kind: "rpcRequest", requestId: requestId(byte), procedure: "math.add" } as const;
  return { ...head, args: Uint8Array.of(1), fromNode: ALICE, deadlineMs: 5_000, encoding: "json", ...fields };
}

/** A good answer of Bob's. */
export function result(byte: number, fromNode = BOB): RpcReply {
  return { kind: "rpcReply", requestId: requestId(byte), fromNode, result: Uint8Array.of(42), encoding: "json" };
}

/** Another answer. */
export function refusal(byte: number, code: string, fromNode = BOB): RpcReply {
  return { kind: "rpcReply", requestId: requestId(byte), fromNode, error: "no", code };
}

/** A core with a clock that stands still until it is set. */
export class Bench {
  now = START;
  readonly core: RpcCore;
  /** Timers that are outstanding. */
  readonly timers: RpcTimer[] = [];
  #commands = 0;

  constructor(role: "hub" | "edge", options: Partial<RpcOptions> = {}) {
    const hub = role === "hub", node = hub ? HUB : ALICE, random = seededRandom("bench");
    this.core = new RpcCore({ ...RPC_DEFAULTS, hub, node, random, ...options });
  }

  up(peer: string, node: Uint8Array, role: "hub" | "edge" = "edge", rights?: PeerRights): RpcEffect[] {
    return this.#done(this.core.handle({ kind: "peerUp", peer, node, role, rights }, this.now));
  }

  down(peer: string): RpcEffect[] {
    return this.#done(this.core.handle({ kind: "peerDown", peer, reason: "connection_lost" }, this.now));
  }

  received(from: string, message: RpcMessage): RpcEffect[] {
    return this.#done(this.core.handle({ kind: "received", from, message }, this.now));
  }

  /** Gives a command; its id counts up from 1. */
  command(command: RpcCommand): RpcEffect[] {
    return this.#done(this.core.handle({ kind: "command", id: ++this.#commands, command }, this.now));
  }

  /** Lets time pass: every timer goes off when it is due. */
  pass(ms: number): RpcEffect[] {
    const end = this.now + ms, effects: RpcEffect[] = [];
    for (;;) {
      const next = this.timers.sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.timers.shift();
      this.now = Math.max(this.now, next.at);
      effects.push(...this.#done(this.core.handle({ kind: "timer", timer: next }, this.now)));
    }
    this.now = end;
    return effects;
  }

  advertise(registration: number, procedure = "math.add", concurrency = 10, metadata?: string): RpcEffect[] {
    const head = { type: "advertise", registration, procedure: parseProcedure(procedure), concurrency } as const;
    return this.command(metadata === undefined ? head : { ...head, metadata });
  }

  call(byte: number, fields: Partial<RpcRequest> = {}, timeoutMs = 5_000): RpcEffect[] {
    const strategy = (fields.strategy ?? "local_first") as Strategy;
    return this.command({ type: "call", request: request(byte, fields), timeoutMs, strategy });
  }

  /** A link advertises, and the core agrees. */
  provider(peer: string, node: Uint8Array, ...procedures: string[]): void {
    this.up(peer, node);
    const effects = this.received(peer, { kind: "advertise", requestId: 1, procedures: procedures });
    if (JSON.stringify(effects) !== JSON.stringify([send(peer, { kind: "advertiseAck", requestId: 1 }, "control")])) {
      throw new Error(`Expected an acknowledgement, got ${JSON.stringify(effects)}`);
    }
  }

  handled(invocation: number, code?: string): RpcEffect[] {
    const outcome = code === undefined ? { result: Uint8Array.of(42), encoding: "json" } : { code, text: "no" };
    return this.command({ type: "handled", invocation, outcome });
  }

  /** Timers are kept apart: what is compared is what is done. */
  #done(effects: readonly RpcEffect[]): RpcEffect[] {
    for (const effect of effects) {
      if (effect.kind !== "timer") continue;
      if (effect.timer.at !== this.now + effect.afterMs) throw new Error(`a timer of ${JSON.stringify(effect)}`);
      this.timers.push(effect.timer);
    }
    return effects.filter(({ kind }) => kind !== "timer");
  }
}

/** `send` to one. */
export function send(to: string, message: RpcMessage, lane: "control" | "calls" = "calls"): RpcEffect {
  return { kind: "send", to, message, lane };
}

/** A command's answer. */
export function answer(command: number, value: unknown = undefined): RpcEffect {
  return { kind: "answer", id: command, value };
}

/** The value of a good call. */
export const RESULT = { result: Uint8Array.of(42), encoding: "json" };

/** A handler is to run. */
export function invoke(invocation: number, registration: number, fields: object = {}): RpcEffect {
  const head = { type: "invoke", invocation, registration, procedure: "math.add", args: Uint8Array.of(1) } as const;
  return {
    kind: "event",
    event: { ...head, encoding: "json", caller: ALICE, from: undefined, deadlineMs: 5_000, ...fields } as RpcEvent,
  };
}

/** A handler is to stop. */
export function abort(invocation: number, reason: string): RpcEffect {
  return { kind: "event", event: { type: "abort", invocation, reason } };
}

/** The call was cancelled. */
export function cancel(byte: number, reason: string): RpcMessage {
  return { kind: "rpcCancel", requestId: requestId(byte), reason };
}

/** Where each effect goes and what it says, in short. */
export function brief(effects: readonly RpcEffect[]): string[] {
  return effects.map((effect) => {
    switch (effect.kind) {
      case "send": {
        const { message } = effect, code = "code" in message ? ` ${message.code}` : "";
        return `${effect.to} ${message.kind}${code}`;
      }
      case "fail":
        return `fail ${effect.id} ${effect.error.code}`;
      case "answer":
        return `answer ${effect.id}`;
      case "event":
        return `${effect.event.type} ${what(effect.event)}`;
      default:
        return effect.kind;
    }
  });
}

function what(event: RpcEvent): string | number {
  switch (event.type) {
    case "registrationRefused":
      return event.registration;
    case "invoke":
    case "abort":
      return event.invocation;
    case "seek":
      return event.seek;
    case "refused":
      return `${event.action} ${event.name}`;
    case "restored":
      return event.hub;
    default:
      return event.procedure;
  }
}

/** For comparing ids. */
export const key = bytesKey;
