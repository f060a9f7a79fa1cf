/** A subscription as the application holds it: a bounded buffer that is read with `for await`. @module */

import { MeshError, ValidationError } from "../base/errors.ts";
import type { Confirmation } from "../base/listing.ts";
import type { Slab } from "../base/slab.ts";
import type { Proof } from "../link/admission/event_proof.ts";
import type { Publish } from "../wire/mod.ts";
import { MeshEvent } from "./mesh_event.ts";
import { ownEvent } from "./payload.ts";

/** What happens to events that come while the buffer is full. */
export type Overflow =
  /** The oldest in the buffer goes. */
  | "drop-oldest"
  /** The newcomer goes. */
  | "drop-newest"
  /** The subscription ends with a `slow_consumer` error. */
  | "error";

/** Options of `subscribe`. */
export interface SubscribeOptions {
  /** Events that wait to be read, at most. Default 1,024. */
  readonly buffer?: number | undefined;
  /** Default `drop-oldest`. */
  readonly overflow?: Overflow | undefined;
  /** `signature`: only events that their publisher has signed; others are counted as `unproven`. Default any. */
  readonly proof?: "signature" | undefined;
  /** `prefix`: the pattern, and everything below it. Default `pattern`. */
  readonly match?: "pattern" | "prefix" | undefined;
  /** Ends the subscription; reading then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Default of `buffer`. */
export const BUFFER_DEFAULT = 1_024;
/** Largest `buffer`. */
export const BUFFER_MAX = 1_000_000;

/** What a subscription asks of its mesh. */
export interface SubscriptionOwner {
  /** Room was made again. */
  drained(subscription: Subscription<unknown>): void;
  /** The first event of a series was lost. */
  overflowed(subscription: Subscription<unknown>): void;
  /** Nobody reads any more. */
  closed(subscription: Subscription<unknown>): Promise<void>;
}

/**
 * A live subscription. Read it with `for await`; leaving the loop unsubscribes. It survives reconnects.
 *
 * @example The newest reading is enough
 * ```ts
 * import { connect, startGateway } from "@macula/mesh";
 * import assert from "node:assert/strict";
 *
 * await using gateway = await startGateway({ realm: "org.example.home", listen: { port: 0 } });
 * await using mesh = await connect(gateway.ticket);
 * await using readings = mesh.subscribe<number>("sensor.*", { buffer: 1 });
 * await readings.ready; // what is published from now on arrives
 *
 * for (const celsius of [20, 21, 22]) await mesh.publish("sensor.kitchen", celsius, { acknowledge: true });
 * while (readings.received < 3) await new Promise((resolve) => setTimeout(resolve));
 * for await (const { data, missed } of readings) {
 *   assert.deepEqual([data, missed], [22, 2]); // what was not read in time is counted
 *   break; // unsubscribes
 * }
 * ```
 */
export class Subscription<T = unknown> implements AsyncIterable<MeshEvent<T>>, AsyncDisposable {
  /** What it matches. */
  readonly pattern: string;
  /**
   * Resolves when the hub knows the interest and has told the mesh: what is published from now on arrives. Says how
   * many of the nodes that are to keep the hub's record of it do; it waits 3 s for them at most, and some that cannot be
   * reached are not a failure. Rejects when the hub refuses, or when the subscription is closed before.
   */
  readonly ready: Promise<Confirmation>;
  readonly #owner: SubscriptionOwner;
  readonly #capacity: number;
  readonly #overflow: Overflow;
  readonly #signedOnly: boolean;
  #unproven = 0;
  #buffer: MeshEvent<T>[] = [];
  #head = 0;
  #missedNow = 0;
  /** Whether the series of losses that was told of last still goes on. */
  #overflowing = false;
  #missed = 0;
  #received = 0;
  #taken = 0;
  #wanting: { resolve(result: IteratorResult<MeshEvent<T>>): void; reject(reason: unknown): void } | undefined;
  #end: { readonly reason: unknown } | "done" | undefined;
  #closing: Promise<void> | undefined;

  /** Made by `Mesh.subscribe`. */
  constructor(pattern: string, ready: Promise<Confirmation>, options: SubscribeOptions, owner: SubscriptionOwner) {
    const { buffer = BUFFER_DEFAULT, overflow = "drop-oldest", signal, proof } = options;
    if (proof !== undefined && proof !== "signature") {
      throw new ValidationError(`Cannot subscribe: proof is signature or left out, got ${JSON.stringify(proof)}`);
    }
    if (!Number.isInteger(buffer) || buffer < 1 || buffer > BUFFER_MAX) {
      throw new ValidationError(`Cannot subscribe: buffer is an integer from 1 to ${BUFFER_MAX}, got ${buffer}`);
    }
    if (!["drop-oldest", "drop-newest", "error"].includes(overflow)) {
      throw new ValidationError(
        `Cannot subscribe: overflow is drop-oldest, drop-newest or error, got ${JSON.stringify(overflow)}`,
      );
    }
    this.pattern = pattern;
    this.#signedOnly = proof === "signature";
    this.#owner = owner;
    this.#capacity = buffer;
    this.#overflow = overflow;
    this.ready = ready;
    ready.catch((error) => this.fail(error));
    signal?.addEventListener("abort", () => this.fail(signal.reason), { once: true });
  }

  /** Events lost because they were not read in time, here or at the hub. */
  get missed(): number {
    return this.#missed;
  }

  /** Events that came without the proof that was asked for. */
  get unproven(): number {
    return this.#unproven;
  }

  /** Events that came. */
  get received(): number {
    return this.#received;
  }

  /** Events that wait to be read. */
  get buffered(): number {
    return this.#buffer.length - this.#head;
  }

  /**
   * Whether with `count` events more, no more than half of the buffer would be full.
   *
   * @internal
   */
  hasRoom(count: number): boolean {
    return this.buffered + count <= this.#capacity >> 1;
  }

  /**
   * Whether over half of the buffer is full.
   *
   * @internal
   */
  get congested(): boolean {
    return this.buffered > this.#capacity >> 1;
  }

  /**
   * Events that were read.
   *
   * @internal
   */
  get position(): number {
    return this.#taken;
  }

  /**
   * Who reads one event moves.
   *
   * @internal
   */
  get stride(): number {
    return 1;
  }

  /** Unsubscribes; resolves when the hub has been told. What waits in the buffer can still be read. Idempotent. */
  close(): Promise<void> {
    this.#finish("done");
    return this.#closing!;
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Reads on where it was left; only one reader at a time. */
  [Symbol.asyncIterator](): AsyncIterator<MeshEvent<T>> {
    return {
      next: () => this.#next(),
      return: async () => {
        this.#buffer = [];
        this.#head = 0;
        await this.close();
        return { value: undefined, done: true };
      },
    };
  }

  /**
   * Takes an event from the mesh; one that was published here is copied into `slab`. Not for applications.
   *
   * @internal
   */
  push(publish: Publish, proof?: Proof, slab?: Slab): void {
    if (this.#end !== undefined) return;
    if (this.#signedOnly && proof !== "signature") {
      this.#unproven++;
      return;
    }
    this.#received++;
    if (this.#wanting === undefined && this.buffered >= this.#capacity && !this.#makeRoom()) return;
    const event = new MeshEvent<T>(slab === undefined ? publish : ownEvent(publish, slab), this.#missedNow, proof);
    this.#missedNow = 0;
    const wanting = this.#wanting;
    if (wanting === undefined) {
      this.#buffer.push(event);
      return;
    }
    this.#wanting = undefined;
    this.#taken++;
    wanting.resolve({ value: event, done: false });
  }

  /**
   * The hub lost events for us. Not for applications.
   *
   * @internal
   */
  lost(count: number): void {
    this.#missed += count;
    this.#missedNow += count;
  }

  /**
   * Ends it with an error, after what waits has been read. Not for applications.
   *
   * @internal
   */
  fail(reason: unknown): void {
    this.#finish({ reason });
  }

  /** Whether the newcomer may come in. */
  #makeRoom(): boolean {
    if (this.#overflow === "error") {
      this.fail(new MeshError("slow_consumer", `Cannot keep up with ${this.pattern}: ${this.#capacity} events wait`));
      return false;
    }
    if (!this.#overflowing) this.#owner.overflowed(this as Subscription<unknown>);
    this.#overflowing = true;
    this.#missed++;
    if (this.#overflow === "drop-newest") {
      this.#missedNow++;
      return false;
    }
    const oldest = this.#buffer[this.#head]!, lost = oldest.missed + 1;
    this.#buffer[this.#head++] = undefined as never;
    this.#compact();
    // What the reader gets next says how many it lost just before.
    const next = this.#buffer[this.#head];
    if (next === undefined) this.#missedNow += lost;
    else next.addMissed(lost);
    return true;
  }

  #next(): Promise<IteratorResult<MeshEvent<T>>> {
    if (this.#wanting !== undefined) {
      return Promise.reject(new ValidationError("Cannot read a subscription twice at once: one reader is expected"));
    }
    const event = this.#buffer[this.#head];
    if (event !== undefined) {
      this.#buffer[this.#head++] = undefined as never;
      this.#taken++;
      this.#compact();
      if (this.buffered === this.#capacity >> 2) {
        this.#overflowing = false;
        this.#owner.drained(this as Subscription<unknown>);
      }
      return Promise.resolve({ value: event, done: false });
    }
    if (this.#end === "done") return Promise.resolve({ value: undefined, done: true });
    if (this.#end !== undefined) {
      const { reason } = this.#end;
      this.#end = "done";
      return Promise.reject(reason);
    }
    return new Promise((resolve, reject) => this.#wanting = { resolve, reject });
  }

  /** Gives back the room of what was read. */
  #compact(): void {
    if (this.#head === this.#buffer.length) {
      this.#buffer = [];
      this.#head = 0;
    } else if (this.#head >= 1_024 && this.#head * 2 > this.#buffer.length) {
      this.#buffer.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #finish(end: { readonly reason: unknown } | "done"): void {
    if (this.#closing !== undefined) return;
    this.#end = end;
    this.#closing = this.#owner.closed(this as Subscription<unknown>);
    this.#owner.drained(this as Subscription<unknown>);
    const wanting = this.#wanting;
    if (wanting === undefined) return;
    this.#wanting = undefined;
    this.#end = "done";
    if (end === "done") wanting.resolve({ value: undefined, done: true });
    else wanting.reject(end.reason);
  }
}
