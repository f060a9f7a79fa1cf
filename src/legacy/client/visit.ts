/** A connection of a peer of the original: its streams, and when it is time to end it. @module */

import { type Timers, within } from "../../base/clock.ts";
import { Throttle, type ThrottleLimits } from "../../link/admission/throttle.ts";
import type { Stranger } from "../../link/establish.ts";
import { cancelStream } from "../../link/link_reader.ts";
import { ChunkReader } from "../../link/streams/chunks.ts";
import type { BidiStream, Connection } from "../../transport/transport.ts";
import type { Decoder, Message } from "../../wire/mod.ts";
import { LegacyStream, type StreamOwner, type StreamStart } from "../stream.ts";

/** How long a connection without a client may be silent, ms: the original keeps one that it may need again for 60 s. */
export const SILENCE_MS = 60_000;
/** How long a peer has to read the end of its streams before its connection goes, ms. */
const FAREWELL_MS = 500;

/** Whom a visit reports to. */
export interface VisitOwner extends Omit<StreamOwner, "onRead"> {
  /** The peer sends faster than it may: reading pauses. */
  onTooFast(visit: Visit): void;
  onStream(visit: Visit, stream: LegacyStream): void;
  /** The connection is gone, all its streams with it. */
  onGone(visit: Visit): void;
  /** Whether a client is served on it. */
  isServed(visit: Visit): boolean;
}

/** What a visit is made with. */
export interface VisitOptions {
  readonly timers: Timers;
  readonly decoder: Decoder;
  readonly frameBytesMax: number;
  readonly owner: VisitOwner;
  /** How fast one connection may send. */
  readonly throttle: ThrottleLimits;
  /** Numbers all streams of a gateway. */
  readonly nextStream: () => number;
}

/** One connection. */
export class Visit {
  readonly connection: Connection;
  /** Those that have not ended. */
  readonly streams: Set<LegacyStream> = new Set();
  readonly #options: VisitOptions;
  readonly #throttle: Throttle;
  #heardAt: number;
  #cancelLook: () => void = () => {};

  constructor({ connection, reader, writable, heard, more, incoming }: Stranger, options: VisitOptions) {
    this.connection = connection;
    this.#options = options;
    this.#heardAt = options.timers.now();
    this.#throttle = new Throttle(options.throttle, options.timers, () => options.owner.onTooFast(this));
    this.#serve({ reader, writable, heard });
    const next = ({ readable, writable }: BidiStream) =>
      this.#serve({ reader: new ChunkReader(readable), writable, heard: [] });
    more.forEach(next);
    void incoming.twoWay.give(next);
    void incoming.lanes.give(cancelStream);
    connection.closed.then(() => {
      this.#cancelLook();
      options.owner.onGone(this);
    });
    this.#look();
  }

  /** Where the peer was seen. */
  get host(): string {
    return this.connection.remote.hostname;
  }

  /** Finishes its streams, waits a moment until the peer has gone, and ends the connection. */
  async end(code: string): Promise<void> {
    const { timers } = this.#options, late = () => new Error("still there");
    this.#cancelLook();
    await within(timers, FAREWELL_MS, Promise.all([...this.streams].map((stream) => stream.finish())), late).catch(
      () => {},
    );
    await within(timers, FAREWELL_MS, this.connection.closed, late).catch(() => {});
    this.connection.close(code === "normal" ? 0 : 1, code);
    await this.connection.closed;
  }

  #serve(start: StreamStart): void {
    const { owner, decoder, frameBytesMax, nextStream } = this.#options;
    const heard = (stream: LegacyStream, message: Message) => {
      this.#heardAt = this.#options.timers.now();
      this.#throttle.frame();
      const wait = owner.onMessage(stream, message), tooFast = this.#throttle.pause();
      return tooFast === undefined ? wait : Promise.all([wait, tooFast]).then(() => {});
    };
    const onRead = (_: LegacyStream, bytes: number) => this.#throttle.read(bytes);
    const onMalformed = (stream: LegacyStream) => owner.onMalformed(stream);
    const onEnd = (stream: LegacyStream) => {
      this.streams.delete(stream);
      owner.onEnd(stream);
    };
    const stream = new LegacyStream(nextStream(), start, decoder, { onMessage: heard, onMalformed, onEnd, onRead });
    this.streams.add(stream);
    owner.onStream(this, stream);
    void stream.read(start.heard, frameBytesMax);
  }

  /** A connection that nobody uses ends. */
  #look(): void {
    const { timers, owner } = this.#options;
    this.#cancelLook = timers.after(SILENCE_MS, () => {
      if (!owner.isServed(this) && timers.now() - this.#heardAt >= SILENCE_MS) this.connection.close(0, "idle");
      else this.#look();
    });
  }
}
