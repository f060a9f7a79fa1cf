/** Handlers of this node that are running. @module */

import type { Deadline } from "../base/deadlines.ts";
import { IdTable } from "../base/tables/id_table.ts";
import { NumberTable } from "../base/tables/number_table.ts";
import type { CommandId, Peer } from "../base/protocol.ts";
import type { CallHead, Due, Origin } from "./calls.ts";
import type { Cast, RpcRequest } from "../wire/mod.ts";
import type { InvocationId, RpcEvent } from "./messages.ts";
import type { LocalProvider } from "./providers.ts";

/** A handler that is running. */
export interface Run {
  readonly invocation: InvocationId;
  readonly requestId: Uint8Array;
  origin: Origin;
  readonly provider: LocalProvider;
  /** How long the caller waits, ms; 0 where nobody does. */
  readonly timeMs: number;
  /** When to tell it that its time is over; undefined where nobody waits. */
  watched: Deadline<Due> | undefined;
}

/** All runs, until their handler has finished. Bounded by the handlers' concurrency. */
export class Runs {
  readonly #runs = new NumberTable<Run>();
  readonly #byPeer = new Map<Peer, IdTable<Run>>();
  readonly #seed: number;
  #invocations = 0;

  /** `seed` is known to nobody else. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  get(invocation: InvocationId): Run | undefined {
    return this.#runs.get(invocation);
  }

  /** How many runs `peer` waits for. */
  countOf(peer: Peer): number {
    return this.#byPeer.get(peer)?.size ?? 0;
  }

  /** Counts a run; undefined where its peer has one with the same id. */
  start({ requestId, origin, timeMs }: Omit<CallHead, "procedure">, provider: LocalProvider): Run | undefined {
    const run: Run = { invocation: ++this.#invocations, requestId, origin, provider, timeMs, watched: undefined };
    if (origin.kind === "link" && !this.#ofPeer(origin.peer).add(run)) return undefined;
    this.#runs.set(run.invocation, run);
    provider.running++;
    return run;
  }

  finish(invocation: InvocationId): Run | undefined {
    const run = this.#runs.delete(invocation);
    if (run === undefined) return undefined;
    run.provider.running--;
    if (run.origin.kind === "link") this.#byPeer.get(run.origin.peer)?.delete(run);
    return run;
  }

  /** Takes the answer away from the own call that waits for it, and returns that call; the run goes on. */
  disown(invocation: InvocationId): CallHead | undefined {
    const run = this.#runs.get(invocation);
    if (run?.origin.kind !== "own") return undefined;
    const { requestId, origin, timeMs, provider: { procedure } } = run;
    run.origin = { kind: "nobody" };
    return { requestId, origin, procedure, timeMs };
  }

  /** The run for a request that came from `peer`. */
  ofRequest(requestId: Uint8Array, peer: Peer): InvocationId | undefined {
    return this.#byPeer.get(peer)?.get(requestId)?.invocation; // a hub that passes on runs nothing
  }

  /** The run for an own call. */
  ofCommand(command: CommandId): InvocationId | undefined {
    const run = this.#runs.values().find(({ origin }) => origin.kind === "own" && origin.command === command);
    return run?.invocation;
  }

  /** Nobody waits any more for the runs that `peer` asked for, as it is gone; returns them. They go on. */
  abandon(peer: Peer): InvocationId[] {
    const runs = this.#byPeer.get(peer)?.values() ?? [];
    this.#byPeer.delete(peer);
    for (const run of runs) run.origin = { kind: "nobody" };
    return runs.map(({ invocation }) => invocation).sort((a, b) => a - b);
  }

  #ofPeer(peer: Peer): IdTable<Run> {
    let runs = this.#byPeer.get(peer);
    if (runs === undefined) this.#byPeer.set(peer, runs = new IdTable(this.#seed));
    return runs;
  }
}

type Invoke = Extract<RpcEvent, { type: "invoke" }>;

/** What makes the application run its handler. */
export function invoke(
  { invocation, provider: { registration } }: Run,
  { procedure, args, encoding, claimed = false }: (RpcRequest | Cast) & { readonly claimed?: boolean },
  { caller, from, deadlineMs }: Pick<Invoke, "caller" | "from" | "deadlineMs">,
): Invoke {
  const type = "invoke";
  const event: Invoke = { type, invocation, registration, procedure, args, encoding, caller, from, deadlineMs };
  return claimed ? { ...event, claimed } : event;
}
