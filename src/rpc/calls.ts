/** Calls that somebody else works on. @module */

import { type Deadline, Deadlines } from "../base/deadlines.ts";
import { IdTable } from "../base/tables/id_table.ts";
import { NumberTable } from "../base/tables/number_table.ts";
import type { CommandId, Failure, Peer } from "../base/protocol.ts";
import type { RpcRequest } from "../wire/mod.ts";
import type { InvocationId } from "./messages.ts";
import type { HubProvider, ProviderEntry } from "./providers.ts";

/** What may be overdue: a call, or the run of a handler. */
export type Due = Call | InvocationId;

/** Who wants the answer. */
export type Origin =
  | { readonly kind: "own"; readonly command: CommandId }
  /** `peer` is a link, or another hub by its id. */
  | { readonly kind: "link"; readonly peer: Peer }
  | { readonly kind: "nobody" };

/** What a call is made of. */
export type CallHead = Pick<Call, "requestId" | "origin" | "procedure" | "timeMs">;

const NOBODY: readonly never[] = [];

/** A call on its way. */
export class Call {
  /** 16 bytes. */
  readonly requestId: Uint8Array;
  readonly origin: Origin;
  readonly procedure: string;
  /** How long the caller waits, ms. */
  readonly timeMs: number;
  /** Until when, ms. */
  readonly deadline: number;
  /** Until when it is held; undefined while it is not. */
  held: Deadline<Due> | undefined = undefined;
  /** Who has it, a hub by its id; undefined while it waits for a link or to be told of a provider. */
  to: Peer | undefined = undefined;
  /** Kept only while it may have to be sent (again). */
  request: RpcRequest | undefined = undefined;
  /** Providers that had it. */
  tried: readonly (ProviderEntry | HubProvider)[] = NOBODY;
  /** Those of them whose hub is still being dialled: it never got there. */
  late: readonly HubProvider[] = NOBODY;
  /** What the last of them said. */
  refusal: Failure | undefined = undefined;
  /** Other hubs that serve it, once they were asked for. */
  hubs: readonly HubProvider[] | undefined = undefined;
  /** Whether `hubs` was remembered: then it is worth to ask once more. */
  remembered = false;
  /** Whether too few have answered to say that nobody serves it. */
  isUnsure = false;

  /** One that nobody has yet, from `now` on. */
  constructor({ requestId, origin, procedure, timeMs }: CallHead, now: number) {
    this.requestId = requestId;
    this.origin = origin;
    this.procedure = procedure;
    this.timeMs = timeMs;
    this.deadline = now + timeMs;
  }
}

/** What its caller is told when the time is over; `missing` is what did not come. */
export function timeout({ procedure, timeMs }: Pick<Call, "procedure" | "timeMs">, missing: string): Failure {
  const ms = Math.round(timeMs);
  return { code: "timeout", text: `Cannot call ${procedure}: ${missing} must come within ${ms} ms, got none` };
}

/** All calls on their way, and when to stop waiting. */
export class Calls {
  readonly #calls: IdTable<Call>;
  readonly #commands = new NumberTable<Call>();
  /** Not taken out at none: see `NumberTable`. */
  readonly #counts = new Map<Peer, { calls: number }>();
  readonly #deadlines = new Deadlines<Due>();

  /** `seed` is known to nobody else. */
  constructor(seed: number) {
    this.#calls = new IdTable(seed);
  }

  get size(): number {
    return this.#calls.size;
  }

  /** Whether one that began by `at` (ms) is still on its way. */
  hasBefore(at: number): boolean {
    for (const { deadline, timeMs } of this.#calls.values()) if (deadline - timeMs <= at) return true;
    return false;
  }

  get nextDeadline(): number {
    return this.#deadlines.nextAt;
  }

  get(requestId: Uint8Array): Call | undefined {
    return this.#calls.get(requestId);
  }

  ofCommand(command: CommandId): Call | undefined {
    return this.#commands.get(command);
  }

  /** How many calls of `peer` are on their way. */
  countOf(peer: Peer): number {
    return this.#counts.get(peer)?.calls ?? 0;
  }

  /** Holds a call until `until` (ms) at the latest; false where its id is in use. */
  add(call: Call, until: number): boolean {
    if (!this.#calls.add(call)) return false;
    call.held = this.#deadlines.add(until, call);
    if (call.origin.kind === "own") this.#commands.set(call.origin.command, call);
    if (call.origin.kind === "link") this.#count(call.origin.peer, 1);
    return true;
  }

  /** Watches a run of a handler beside the calls. */
  watch(deadline: number, run: InvocationId): Deadline<Due> {
    return this.#deadlines.add(deadline, run);
  }

  /** The handler has finished. */
  unwatch(watched: Deadline<Due>): void {
    this.#deadlines.forget(watched);
  }

  delete(call: Call): void {
    if (call.held === undefined) return;
    this.#deadlines.forget(call.held);
    call.held = undefined;
    this.#calls.delete(call);
    if (call.origin.kind === "own") this.#commands.delete(call.origin.command);
    if (call.origin.kind === "link") this.#count(call.origin.peer, -1);
  }

  /** `peer` is gone, and its calls are deleted. */
  forget(peer: Peer): void {
    this.#counts.delete(peer);
  }

  /** A call that is overdue (and forgotten by this), or a run to look at. */
  takeDue(now: number): Due | undefined {
    const due = this.#deadlines.takeDue(now);
    if (typeof due === "object") this.delete(due);
    return due;
  }

  /** Those that wait for a link, oldest first. */
  waiting(): Call[] {
    return this.#all((call) => call.to === undefined);
  }

  /** Those that `peer` asked for or has, oldest first. */
  involving(peer: Peer): Call[] {
    return this.#all(({ to, origin }) => to === peer || origin.kind === "link" && origin.peer === peer);
  }

  #all(which: (call: Call) => boolean): Call[] {
    return this.#calls.values().filter(which).sort((a, b) => a.held!.order - b.held!.order);
  }

  #count(peer: Peer, change: number): void {
    const count = this.#counts.get(peer);
    if (count === undefined) this.#counts.set(peer, { calls: change });
    else count.calls += change;
  }
}

/** The request for somebody who gets it only now, with less time to answer. */
export function withTimeLeft(request: RpcRequest, leftMs: number): RpcRequest {
  const { frame: _, ...rest } = request;
  return { ...rest, deadlineMs: Math.max(0, Math.ceil(leftMs)) };
}
