/** All connections of a gate and their streams. @module */

import type { LegacyStream } from "../stream.ts";
import type { Visit } from "./visit.ts";

/** Connections, and which of them serve a client. */
export class Visits {
  readonly #all = new Set<Visit>();
  readonly #hosts = new Map<string, Set<Visit>>();
  readonly #visitOf = new Map<LegacyStream, Visit>();
  readonly #streams = new Map<number, LegacyStream>();
  readonly #isServed: (visit: Visit) => boolean;

  constructor(isServed: (visit: Visit) => boolean) {
    this.#isServed = isServed;
  }

  get size(): number {
    return this.#all.size;
  }

  /** How many serve no client. */
  get unserved(): number {
    let count = 0;
    for (const visit of this.#all) if (!this.#isServed(visit)) count++;
    return count;
  }

  [Symbol.iterator](): Iterator<Visit> {
    return this.#all.values();
  }

  add(visit: Visit): void {
    const neighbours = this.#hosts.get(visit.host);
    this.#all.add(visit);
    if (neighbours === undefined) this.#hosts.set(visit.host, new Set([visit]));
    else neighbours.add(visit);
  }

  delete(visit: Visit): void {
    const neighbours = this.#hosts.get(visit.host);
    this.#all.delete(visit);
    neighbours?.delete(visit);
    if (neighbours?.size === 0) this.#hosts.delete(visit.host);
  }

  /** A stream has begun. */
  join(visit: Visit, stream: LegacyStream): void {
    this.#visitOf.set(stream, visit);
    this.#streams.set(stream.id, stream);
  }

  /** A stream has ended. */
  part(stream: LegacyStream): void {
    this.#visitOf.delete(stream);
    this.#streams.delete(stream.id);
  }

  /** The connection of a stream that has not ended. */
  of(stream: LegacyStream): Visit | undefined {
    return this.#visitOf.get(stream);
  }

  /** The stream with this id, if it has not ended. */
  stream(id: number): LegacyStream | undefined {
    return this.#streams.get(id);
  }

  /** Whether a client is served from this host. */
  knows(host: string): boolean {
    for (const visit of this.#hosts.get(host) ?? []) if (this.#isServed(visit)) return true;
    return false;
  }
}
