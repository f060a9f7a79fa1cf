/**
 * Who serves a procedure, as a gateway of the original knows. Its answers do not say what they answer, so there is one
 * question at a time; after one that was not answered, a PING and its PONG part the late answer from the next question.
 * Pure.
 *
 * @module
 */

import { utf8 } from "../../base/bytes.ts";
import { LruMap } from "../../base/lru.ts";
import { sha256 } from "../../identity/mod.ts";
import type { FindValueReply, Message } from "../../wire/mod.ts";
import { aboutOf } from "../records/shelf.ts";

/** Longest wait for an answer, ms: the original's gateway looks for at most 10 s. */
export const LOOKUP_MS = 10_500;
/** How long an answer holds, ms, and for how many procedures. */
export const FOUND_MS = 10_000, FOUND_MAX = 1_000;

/** What a lookup wants done. */
export type LookupStep =
  | { readonly kind: "ask"; readonly message: Message; readonly attempt: number }
  /** Send a PING, and say `parted` when it is answered. */
  | { readonly kind: "part" }
  /** The nodes that serve it, as they write their ids. */
  | { readonly kind: "found"; readonly procedure: string; readonly nodes: readonly Uint8Array[] };

/** Lookups, one after the other. */
export class Lookups {
  readonly #found = new LruMap<string, { readonly nodes: readonly Uint8Array[]; readonly until: number }>(FOUND_MAX);
  readonly #queue: string[] = [];
  #attempts = 0;
  #isStale = false;

  /** Wants the providers of a procedure. */
  want(procedure: string, now: number): readonly LookupStep[] {
    const known = this.#found.get(procedure);
    if (known !== undefined && known.until > now) return [{ kind: "found", procedure, nodes: known.nodes }];
    if (this.#queue.includes(procedure)) return [];
    this.#queue.push(procedure);
    return this.#queue.length === 1 && !this.#isStale ? [this.#next()] : [];
  }

  /** What was found of a procedure was not right. */
  forget(procedure: string): void {
    this.#found.delete(procedure);
  }

  /** An answer. */
  onReply({ value = [] }: FindValueReply, now: number): readonly LookupStep[] {
    if (this.#queue.length === 0 || this.#isStale) return [];
    const nodes = value.flatMap((one) => aboutOf(one)?.wire ?? []);
    if (nodes.length > 0) this.#found.set(this.#queue[0]!, { nodes, until: now + FOUND_MS });
    return this.#done(nodes);
  }

  /** No answer in time to the question of this attempt. */
  onTimer(attempt: number): readonly LookupStep[] {
    if (this.#queue.length === 0 || attempt !== this.#attempts) return [];
    this.#isStale = true;
    return this.#done([]);
  }

  /** What comes from now on does not answer an earlier question. */
  parted(): readonly LookupStep[] {
    if (!this.#isStale) return [];
    this.#isStale = false;
    return this.#queue.length > 0 ? [this.#next()] : [];
  }

  #done(nodes: readonly Uint8Array[]): readonly LookupStep[] {
    const procedure = this.#queue.shift()!, found: LookupStep = { kind: "found", procedure, nodes };
    this.#attempts++;
    return this.#isStale ? [found, { kind: "part" }] : this.#queue.length > 0 ? [found, this.#next()] : [found];
  }

  #next(): LookupStep {
    const key = sha256(utf8(this.#queue[0]!));
    return { kind: "ask", message: { kind: "findValue", type: "find_value", key }, attempt: this.#attempts };
  }
}
