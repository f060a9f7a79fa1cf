/** What the transport suite needs from an implementation, and how its tests talk over it. @module */

import { concatBytes } from "../../src/base/bytes.ts";
import { createIdentity, type Identity, type Leaf, type LeafOptions } from "../../src/identity/mod.ts";
import type {
  BidiStream,
  Connection,
  DialOptions,
  Listener,
  Transport,
  TransportLimits,
} from "../../src/transport/transport.ts";
import { PATIENCE_MS, soon } from "./deadline.ts";

/** Two machines; the server is reached under `host`. Dispose closes both. */
export interface World {
  readonly client: Transport;
  readonly server: Transport;
  readonly host: string;
  issueLeaf(identity: Identity, options: LeafOptions): Promise<Leaf>;
  /** Makes all go silent between the two, where that can be done. */
  vanish?(): void;
}

/** Tests by what they show. */
export type Tests = Record<string, (site: Site, world: World) => Promise<void>>;

/** Limits of a world where no time-out is looked at: none comes of a machine that has no time for it. */
export const WORLD_LIMITS: Partial<TransportLimits> = {
  idleTimeoutMs: PATIENCE_MS,
  keepAliveMs: 300,
  dialTimeoutMs: PATIENCE_MS,
};
/** Limits of one where they are: short, so that they are seen soon. */
export const SILENCE_LIMITS: Partial<TransportLimits> = { idleTimeoutMs: 1_500, keepAliveMs: 300 };
export const REALM = "org.example.test";
export const alice: Identity = createIdentity(new Uint8Array(32).fill(1));
export const mallory: Identity = createIdentity(new Uint8Array(32).fill(2));

/** A listener with what arrived at it. */
export class Site {
  readonly arrived: Connection[] = [];
  admits = true;
  /** Newcomers that came to nothing in TLS. */
  failures = 0;
  listener!: Listener;
  readonly #world: World;
  #next: ((connection: Connection) => void) | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  /** Listens with a leaf of `identity`. */
  async open(identity = alice, options: Partial<LeafOptions> = {}, port = 0): Promise<this> {
    this.listener = await this.#world.server.listen({
      address: { hostname: this.#world.host, port },
      tls: await this.leaf(identity, options),
      admit: () => this.admits,
      onFailed: () => void this.failures++,
      onConnection: (connection) => {
        this.arrived.push(connection);
        this.#next?.(connection);
      },
    });
    return this;
  }

  leaf(identity = alice, options: Partial<LeafOptions> = {}): Promise<Leaf> {
    return this.#world.issueLeaf(identity, { realm: REALM, hosts: [this.#world.host], now: Date.now(), ...options });
  }

  /** Dials it, expecting alice's key unless told otherwise. */
  dial(options: Partial<DialOptions> = {}): Promise<Connection> {
    return this.#world.client.dial({
      address: { hostname: this.#world.host, port: this.listener.address.port },
      expect: { kind: "key", publicKey: alice.publicKey },
      ...options,
    });
  }

  /** Both ends of a new connection: the dialler's and the listener's. */
  async connect(options: Partial<DialOptions> = {}): Promise<[Connection, Connection]> {
    const arrival = new Promise<Connection>((resolve) => this.#next = resolve);
    return [await soon(this.dial(options), "a dial"), await soon(arrival, "an arrival")];
  }
}

/** The next item; fails if there is none. */
export async function next<T>(stream: ReadableStream<T>): Promise<T> {
  const reader = stream.getReader();
  const { done, value } = await soon(reader.read(), "the next item");
  reader.releaseLock();
  if (done) throw new Error("Expected another item, got the end");
  return value;
}

/** Resolves when no item comes any more, be it with an error; fails if one does. */
export async function ended(stream: ReadableStream<unknown>): Promise<void> {
  const { done } = await stream.getReader().read().catch(() => ({ done: true }));
  if (!done) throw new Error("Expected the end, got another item");
}

/** Writes and keeps the stream open. */
export async function write(stream: WritableStream<Uint8Array>, ...chunks: readonly Uint8Array[]): Promise<void> {
  const writer = stream.getWriter();
  for (const chunk of chunks) await writer.write(chunk);
  writer.releaseLock();
}

/** All bytes until the end. */
export async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await soon(reader.read(), "the end of a stream");
    if (done) return concatBytes(...chunks);
    chunks.push(value);
  }
}

/** A stream that both ends know: the opener's end and the acceptor's, after one byte each way. */
export async function openKnownBidi(near: Connection, far: Connection): Promise<[BidiStream, BidiStream]> {
  const mine = await near.openBidi();
  await write(mine.writable, Uint8Array.of(1));
  const theirs = await next(far.incomingBidi);
  await next(theirs.readable);
  await write(theirs.writable, Uint8Array.of(2));
  await next(mine.readable);
  return [mine, theirs];
}

/** Bytes that differ along their length. */
export function pattern(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0, state = 1; i < length; i++) bytes[i] = (state = state * 48_271 % 0x7fff_ffff) & 0xff;
  return bytes;
}
