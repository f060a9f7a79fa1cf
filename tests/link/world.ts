/** Two hosts on a memory network in virtual time, and what tests of links need there. @module */

import assert from "node:assert/strict";
import type { Message } from "../../src/wire/mod.ts";
import { decodeFrame, encodeFrame, FRAME_HEADER_BYTES } from "../../src/wire/mod.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { createIdentity, type Identity } from "../../src/identity/mod.ts";
import { accept, type AcceptOptions, establish, type Established } from "../../src/link/establish.ts";
import { FrameSource } from "../../src/link/frame_source.ts";
import type { Self } from "../../src/link/handshake.ts";
import { issueMemoryLeaf, MemoryNetwork, type MemoryNetworkOptions } from "../../src/transport/memory/mod.ts";
import type { Connection, Transport } from "../../src/transport/transport.ts";
import { ManualTimers } from "../transport/manual_timers.ts";

/** Who takes part. */
export const HUB = createIdentity(new Uint8Array(32).fill(1));
export const EDGE = createIdentity(new Uint8Array(32).fill(2));
export const MALLORY = createIdentity(new Uint8Array(32).fill(3));
export const REALM = "org.example.test";
export const PORT = 9443;
const FRAME_BYTES_MAX = 1 << 20;

/** A side of a handshake. */
export function self(identity: Identity, role: "hub" | "edge", fields: Partial<Self> = {}): Self {
  return { identity, role, realm: REALM, endpoint: "", ...fields };
}

/** Waits for a promise while virtual time passes, at most `ms` of it. */
export async function passing<T>(timers: ManualTimers, promise: Promise<T>, ms = 60_000): Promise<T> {
  let settled = false;
  const done = () => void (settled = true);
  promise.then(done, done);
  const end = timers.now() + ms;
  for (let step = 0; !settled && timers.now() <= end; step = Math.min(1_000, step * 2 + 1)) await timers.run(step);
  assert(settled, `it settles within ${ms} ms of virtual time`);
  return await promise;
}

/** Lets virtual time pass, at most `ms` of it, until `condition` holds. */
export async function passUntil(timers: ManualTimers, condition: () => boolean, ms = 60_000): Promise<void> {
  for (const end = timers.now() + ms; !condition(); await timers.run(10)) {
    assert(timers.now() < end, `it holds within ${ms} ms of virtual time`);
  }
}

/** Randomness that draws the same number for ever. */
export function alwaysDrawing(number: number): Random {
  const random = seededRandom("");
  return { bytes: (length) => random.bytes(length), fork: (label) => random.fork(label), number: () => number };
}

/** A network on which the host `hub` listens. */
export class World {
  readonly timers = new ManualTimers();
  readonly random = seededRandom("link");
  readonly network: MemoryNetwork;
  readonly arrived: Connection[] = [];
  /** Takes newcomers, if set. */
  onConnection: ((connection: Connection) => void) | undefined;

  private constructor(options: Partial<MemoryNetworkOptions>) {
    this.network = new MemoryNetwork({ timers: this.timers, ...options });
  }

  static async open(options: Partial<MemoryNetworkOptions> = {}): Promise<World> {
    const world = new World(options);
    await world.listen("hub", (connection) => {
      world.arrived.push(connection);
      world.onConnection?.(connection);
    });
    return world;
  }

  /** Listens on a host, as `identity`. */
  async listen(hostname: string, onConnection: (connection: Connection) => void, identity = HUB): Promise<void> {
    const tls = await issueMemoryLeaf(identity, { realm: REALM, hosts: [hostname], now: this.timers.now() });
    await this.network.transport(hostname).listen({ address: { hostname, port: PORT }, tls, onConnection });
  }

  transport(hostname: string): Transport {
    return this.network.transport(hostname);
  }

  /** A new connection's two ends. */
  async connect(from = "edge", to = "hub", identity = HUB): Promise<[Connection, Connection]> {
    const dialling = this.transport(from).dial({
      address: { hostname: to, port: PORT },
      expect: { kind: "key", publicKey: identity.publicKey },
    });
    const near = await passing(this.timers, dialling);
    return [near, this.arrived.at(-1)!];
  }

  get shared() {
    return { timers: this.timers, random: this.random, frameBytesMax: FRAME_BYTES_MAX };
  }

  accept(connection: Connection, options: Partial<AcceptOptions> = {}): Promise<Established | undefined> {
    const names = new Set(["hub"]), subscriptionsMax = 10, admit = () => undefined;
    return accept(connection, { self: self(HUB, "hub"), names, subscriptionsMax, admit, ...this.shared, ...options });
  }

  establish(
    connection: Connection,
    options: { self?: Self; dialled?: string; expected?: Identity["id"] | undefined } = {},
  ): Promise<Established> {
    const standard = { self: self(EDGE, "edge"), dialled: HUB.id as string, expected: HUB.id };
    return establish(connection, { ...standard, ...this.shared, ...options });
  }

  /** Both ends of a welcomed connection. */
  async welcomed(): Promise<[Established, Established]> {
    const [near, far] = await this.connect();
    const accepted = this.accept(far), established = await passing(this.timers, this.establish(near));
    return [established, (await accepted)!];
  }
}

/** One end of the first stream, as somebody who says what a test wants. */
export class Talker {
  readonly connection: Connection;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #source: FrameSource;

  private constructor(
    connection: Connection,
    readable: ReadableStream<Uint8Array>,
    writable: WritableStream<Uint8Array>,
  ) {
    this.connection = connection;
    this.#writer = writable.getWriter();
    this.#source = new FrameSource(readable, FRAME_BYTES_MAX);
  }

  /** Opens the stream. */
  static async dial(connection: Connection): Promise<Talker> {
    const { readable, writable } = await connection.openBidi();
    return new Talker(connection, readable, writable);
  }

  /** Takes the stream that the other end opened. */
  static async answer(connection: Connection): Promise<Talker> {
    const reader = connection.incomingBidi.getReader(), { value } = await reader.read();
    reader.releaseLock();
    return new Talker(connection, value!.readable, value!.writable);
  }

  /** Says it, and returns the frame's payload. */
  async say(message: Message): Promise<Uint8Array> {
    const frame = encodeFrame(message);
    await this.#writer.write(frame);
    return frame.subarray(FRAME_HEADER_BYTES);
  }

  async bytes(...bytes: number[]): Promise<void> {
    await this.#writer.write(Uint8Array.from(bytes));
  }

  async frame(frame: Uint8Array): Promise<void> {
    await this.#writer.write(frame);
  }

  async end(): Promise<void> {
    await this.#writer.close();
  }

  /** The next frame, or undefined at the end or when the connection is gone. */
  async hear(): Promise<{ message: Message; frame: Uint8Array; payload: Uint8Array } | undefined> {
    const frame = await this.#source.next().catch(() => undefined);
    if (frame === undefined) return undefined;
    return { message: decodeFrame(frame), frame, payload: frame.slice(FRAME_HEADER_BYTES) };
  }

  /** The next message, of which this kind is expected. */
  async expect<K extends Message["kind"]>(kind: K): Promise<Message & { readonly kind: K }> {
    const heard = await this.hear();
    assert.equal(heard?.message.kind, kind);
    return heard!.message as Message & { readonly kind: K };
  }
}
