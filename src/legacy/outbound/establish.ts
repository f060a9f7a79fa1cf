/** A link of our edge to a gateway of the original. @module */

import { within } from "../../base/clock.ts";
import { utf8 } from "../../base/bytes.ts";
import { RefusedError, TimeoutError } from "../../base/errors.ts";
import { type NodeId, sha256 } from "../../identity/mod.ts";
import { type Deputy, type Established, HANDSHAKE_MS, type HandshakeOptions } from "../../link/establish.ts";
import type { Link, LinkOwner } from "../../link/link.ts";
import { ChunkReader } from "../../link/streams/chunks.ts";
import { type Connection, DialError, formatAddress } from "../../transport/transport.ts";
import { Decoder, MalformedFrame, type Message, type Pong } from "../../wire/mod.ts";
import { LenientFrames } from "../frames.ts";
import { localLink, peerOf } from "../local_link.ts";
import { Repeats } from "../repeats.ts";
import { readWireId } from "../wire_id.ts";
import { HeldConnection } from "./held_connection.ts";
import { PacedWriter } from "./paced_writer.ts";
import { Uplink, type UplinkEffect, type UplinkTimer } from "./uplink.ts";

/** Largest frame towards a gateway of the original, bytes: it loses what its QUIC delivers in more than one chunk. */
export const ORIGINAL_FRAME_BYTES = 10_000;
/** Largest frame from it that is read, bytes. */
const READ_BYTES_MAX = 1 << 20;
/** Largest event or call that is handed on, bytes: no gateway of the original takes one from a peer that is half as large. */
const HANDED_BYTES_MAX = 60_000;
/** How long the last frames may take to be confirmed before a connection is closed, ms. */
const LAST_WORDS_MS = 2_000;

/** What a handshake is done with. */
type Options = HandshakeOptions & { readonly expected: NodeId | undefined; readonly dialled: string };

/** Makes links of connections. */
export interface OriginalDialler {
  /** Makes one. */
  readonly establish: (connection: Connection, options: Options) => Promise<Established>;
  /** Events of QoS 0 that links took which have ended, and of which no gateway has said that they arrived. */
  readonly unconfirmed: () => number;
}

/** Establishes links to gateways of the original; what it knows of events that came outlives a link. */
export function originalDialler(): OriginalDialler {
  const repeats = new Repeats();
  let unconfirmed = 0;
  const establish = async (connection: Connection, options: Options): Promise<Established> => {
    const lost = (events: number) => void (unconfirmed += events);
    try {
      return await new OriginalHub(connection, options, { repeats, lost }).establish();
    } catch (error) {
      connection.close(1, "handshake failed");
      if (error instanceof RefusedError || error instanceof TimeoutError) throw error;
      throw new DialError("unreachable", "Cannot connect: the connection ended before the gateway answered", {
        cause: error,
      });
    }
  };
  return { establish, unconfirmed: () => unconfirmed };
}

/** What outlives a link. */
interface Outliving {
  readonly repeats: Repeats;
  /** Told of events of QoS 0 that were accepted and have perhaps not arrived. */
  readonly lost: (events: number) => void;
}

/** One connection to a gateway of the original, as a hub. */
class OriginalHub implements LinkOwner, Deputy {
  readonly #connection: Connection;
  readonly #options: Options;
  readonly #uplink: Uplink;
  readonly #frames = new LenientFrames(READ_BYTES_MAX);
  readonly #decoder = new Decoder();
  readonly #done = Promise.withResolvers<void>();
  readonly #lost: (events: number) => void;
  /** Events that our edge said on the link and waits for no answer to. */
  #entrusted = 0;
  #reader!: ChunkReader;
  #writer!: PacedWriter;
  #far!: Link;
  #lastWords: { readonly stamp: number; readonly confirmed: () => void } | undefined;
  /** What takes each timer back: one that is left would keep a process alive. */
  readonly #timers = new Set<() => void>();
  #hasEnded = false;
  #isLost = false;

  constructor(connection: Connection, options: Options, { repeats, lost }: Outliving) {
    const { self: { identity, realm }, random, dialled } = options;
    this.#connection = connection;
    this.#options = options;
    this.#lost = lost;
    const gateway = formatAddress({ hostname: dialled, port: connection.remote.port });
    this.#uplink = new Uplink({ self: identity.idBytes, realm, gateway, random, repeats });
  }

  /** CONNECT and its answer; then the link. */
  async establish(): Promise<Established> {
    const { self: { identity }, timers, random } = this.#options, { remote } = this.#connection;
    const { readable, writable } = await this.#connection.openBidi();
    this.#reader = new ChunkReader(readable);
    this.#writer = new PacedWriter(writable, timers, () => this.#lose());
    this.#writer.write(this.#uplink.connect());
    const late = () => new TimeoutError(`Cannot connect: no answer from the gateway within ${HANDSHAKE_MS} ms`);
    const pong = await within(timers, HANDSHAKE_MS, this.#greeting(), late);
    const id = readWireId(pong.nodeId ?? sha256(utf8(pong.endpoint ?? "")))!;
    const { established, far } = await localLink({
      peer: { ...peerOf(id, pong.endpoint ?? ""), role: "hub" },
      self: peerOf(readWireId(identity.idBytes)!, ""),
      dialled: true,
      remote,
      owner: this,
      timers,
      random,
      decoder: this.#decoder,
      frameBytesMax: ORIGINAL_FRAME_BYTES,
      deputy: this,
    });
    this.#far = far;
    this.#connection.closed.then(() => this.#lose());
    this.#perform(this.#uplink.start());
    far.start();
    this.#read().then(() => this.#lose(), () => this.#lose());
    const held = new HeldConnection(established.connection, this.#done.promise);
    return { ...established, connection: held };
  }

  // From our edge's end of it

  took(message: Message): void {
    if (message.kind === "publish" && !message.acknowledge) this.#entrusted++;
  }

  progress(): number {
    return this.#writer.written;
  }

  // From the far end of the link: what our edge says

  received(_: Link, message: Message): void {
    this.#perform(this.#uplink.fromMesh(message, this.#now()));
  }

  pause(): Promise<void> | undefined {
    return this.#writer.writable();
  }

  /** Our edge has ended the link, or we have: what is queued is written, and that it arrived is asked for. */
  ended(): void {
    this.#hasEnded = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#leave().finally(() => {
      this.#lost(this.#entrusted - this.#writer.casualTaken);
      this.#connection.close(0, "normal");
      this.#done.resolve();
    });
  }

  drained(): void {}
  closing(): void {}
  goingAway(): void {}

  async #leave(): Promise<void> {
    if (this.#isLost) return;
    const { timers } = this.#options, { promise, resolve } = Promise.withResolvers<void>();
    await Promise.race([this.#writer.idle(), this.#connection.closed]);
    this.#lastWords = { stamp: LAST_STAMP, confirmed: resolve };
    this.#writer.write({ kind: "ping", timestamp: LAST_STAMP });
    await within(timers, LAST_WORDS_MS, Promise.race([promise, this.#connection.closed]), () => new Error("no answer"))
      .catch(() => {});
    await Promise.race([this.#writer.finish(), this.#connection.closed]);
  }

  /** The gateway has gone. */
  #lose(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#far?.breakOff("connection_lost", "the gateway ended the connection");
  }

  #perform(effects: readonly UplinkEffect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "mesh":
          if (sizeOf(effect.message) <= HANDED_BYTES_MAX) this.#far.send(effect.message, "control");
          break;
        case "write":
          this.#writer.write(effect.message, effect);
          break;
        case "timer":
          this.#after(effect.afterMs, effect.timer);
          break;
        case "lost":
          this.#connection.close(1, "no answer");
      }
    }
  }

  #after(afterMs: number, timer: UplinkTimer): void {
    if (this.#hasEnded) return;
    const cancel = this.#options.timers.after(afterMs, () => {
      this.#timers.delete(cancel);
      this.#perform(this.#uplink.onTimer(timer, this.#now()));
    });
    this.#timers.add(cancel);
  }

  // What the gateway says

  async #greeting(): Promise<Pong> {
    for await (const message of this.#messages()) {
      if (message.kind === "pong") {
        this.#writer.answered(message);
        return message;
      }
      if (message.kind === "refused") {
        throw new RefusedError(message.code, `${message.text}; it is no gateway of Macula 0.20`);
      }
    }
    const { realm } = this.#options.self;
    throw new RefusedError(
      "wrong_realm",
      `Cannot connect: the gateway ended the stream, as one of Macula 0.20 does that serves another realm than ${realm}`,
    );
  }

  async #read(): Promise<void> {
    for await (const message of this.#messages()) {
      if (message.kind === "pong") this.#writer.answered(message);
      if (message.kind === "pong" && message.timestamp === this.#lastWords?.stamp) this.#lastWords.confirmed();
      if (this.#hasEnded) continue;
      this.#perform(this.#uplink.fromGateway(message, this.#now()));
      const full = this.#far.writable();
      if (full !== undefined) await full;
    }
    await this.#writer.finish(); // a FIN is answered by a FIN
  }

  async *#messages(): AsyncGenerator<Message> {
    for (let chunk: Uint8Array | undefined;;) {
      for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next()) {
        const message = this.#decoded(frame);
        if (message !== undefined) yield message;
      }
      const { value, done } = await this.#reader.read(chunk);
      if (done) return;
      this.#frames.push(chunk = value);
    }
  }

  #decoded(frame: Uint8Array): Message | undefined {
    try {
      return this.#decoder.decode(frame);
    } catch (error) {
      if (error instanceof MalformedFrame) return undefined; // as the original's client: skipped by its length
      throw error;
    }
  }

  #now(): number {
    return this.#options.timers.now();
  }
}

/** The stamp of the last PING; no clock has shown it since 1970. */
const LAST_STAMP = 1;

function sizeOf(message: Message): number {
  switch (message.kind) {
    case "publish":
      return message.payload.length;
    case "rpcRequest":
      return message.args.length;
    case "rpcReply":
      return message.result?.length ?? 0;
    default:
      return 0;
  }
}
