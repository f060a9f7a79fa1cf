/** Handlers of this node that are running. @module */

import type { CommandId, Peer } from "../base/protocol.ts";
import type { Deadline } from "../base/deadlines.ts";
import type { Call, Due, Origin } from "./calls.ts";
import type { InvocationId } from "./messages.ts";
import type { LocalProvider } from "./providers.ts";

/** A handler that is running. */
export interface Run {
  readonly key: string;
  origin: Origin;
  readonly provider: LocalProvider;
  /** How long the caller waits, ms; 0 where nobody does. */
  readonly timeMs: number;
  /** When to tell it that its time is over; undefined where nobody waits. */
  watched: Deadline<Due> | undefined;
}

/** All runs, until their handler has finished. Bounded by the handlers' concurrency. */
export class Runs {
  readonly #runs = new Map<InvocationId, Run>();
  readonly #byRequest = new Map<string, InvocationId>();
  readonly #counts = new Map<Peer, number>();
  #invocations = 0;

  get(invocation: InvocationId): Run | undefined {
    return this.#runs.get(invocation);
  }

  /** How many runs `peer` waits for. */
  countOf(peer: Peer): number {
    return this.#counts.get(peer) ?? 0;
  }

  start({ key, origin, timeMs }: Pick<Call, "key" | "origin" | "timeMs">, provider: LocalProvider): InvocationId {
    const invocation = ++this.#invocations;
    provider.running++;
    this.#runs.set(invocation, { key, origin, provider, timeMs, watched: undefined });
    if (origin.kind === "link") {
      this.#byRequest.set(key + origin.peer, invocation);
      this.#counts.set(origin.peer, this.countOf(origin.peer) + 1);
    }
    return invocation;
  }

  finish(invocation: InvocationId): Run | undefined {
    const run = this.#runs.get(invocation);
    if (run === undefined) return undefined;
    this.#runs.delete(invocation);
    run.provider.running--;
    if (run.origin.kind === "link") {
      const { peer } = run.origin, left = this.countOf(peer) - 1;
      this.#byRequest.delete(run.key + peer);
      if (left > 0) this.#counts.set(peer, left);
      else this.#counts.delete(peer);
    }
    return run;
  }

  /** Takes the answer away from the own call that waits for it, and returns that call; the run goes on. */
  disown(invocation: InvocationId): Pick<Call, "key" | "origin" | "procedure" | "timeMs"> | undefined {
    const run = this.#runs.get(invocation);
    if (run?.origin.kind !== "own") return undefined;
    const { key, origin, timeMs, provider: { procedure } } = run;
    run.origin = { kind: "nobody" };
    return { key, origin, procedure, timeMs };
  }

  /** The run for a request that came from `peer`. */
  ofRequest(key: string, peer: Peer): InvocationId | undefined {
    return this.#counts.has(peer) ? this.#byRequest.get(key + peer) : undefined; // a hub that passes on runs nothing
  }

  /** The run for an own call. */
  ofCommand(command: CommandId): InvocationId | undefined {
    for (const [invocation, { origin }] of this.#runs) {
      if (origin.kind === "own" && origin.command === command) return invocation;
    }
    return undefined;
  }

  /** All runs that `peer` waits for. */
  ofPeer(peer: Peer): InvocationId[] {
    if (this.countOf(peer) === 0) return [];
    return [...this.#runs].filter(([, run]) => run.origin.kind === "link" && run.origin.peer === peer)
      .map(([invocation]) => invocation);
  }
}
