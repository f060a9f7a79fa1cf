/**
 * The streams that a peer opens, taken by one reader from the handshake to the end. Who takes them changes; a lock that
 * is given back and taken again would cost an error with its stack each time.
 *
 * @module
 */

import type { BidiStream, Connection } from "../../transport/transport.ts";

/** Gets every stream that comes. */
export type Taker<T> = (stream: T) => void;

/** Streams of one kind, in the order of their coming. */
export class Arrivals<T> {
  readonly #reader: ReadableStreamDefaultReader<T>;
  #take: Taker<T> | undefined;
  #resume: () => void = () => {};
  #ended: Promise<void> | undefined;

  /** Locks `streams`; nothing is taken before `give`. */
  constructor(streams: ReadableStream<T>) {
    this.#reader = streams.getReader();
  }

  /** From now on `take` gets every stream. Resolves when none comes any more, however often it is called. */
  give(take: Taker<T>): Promise<void> {
    this.#take = take;
    this.#resume();
    return this.#ended ??= this.#read();
  }

  /** The first one, before anybody takes them; undefined where none comes. */
  async first(): Promise<T | undefined> {
    return await this.#next();
  }

  /** Nobody takes them for now: at most one is held, the others wait in the transport. */
  hold(): void {
    this.#take = undefined;
  }

  /** Takes no more; the peer learns that nobody will. */
  cancel(): void {
    this.#take = () => {};
    this.#resume();
    this.#reader.cancel().catch(() => {});
  }

  async #read(): Promise<void> {
    for (let next = await this.#next(); next !== undefined; next = await this.#next()) {
      while (this.#take === undefined) await new Promise<void>((resume) => this.#resume = resume);
      this.#take(next);
    }
  }

  async #next(): Promise<T | undefined> {
    try {
      return (await this.#reader.read()).value;
    } catch {
      return undefined; // the connection is gone, which tells so itself
    }
  }
}

/** What a peer opens beside the first stream of a connection. */
export interface Incoming {
  readonly lanes: Arrivals<ReadableStream<Uint8Array>>;
  /** Absent where the transport lets the peer open none. */
  readonly twoWay?: Arrivals<BidiStream>;
}

/** Takes the lanes of a connection on which the other end opens no two-way streams. */
export function lanesOf(connection: Connection): Incoming {
  return { lanes: new Arrivals(connection.incomingSend) };
}

/** Takes both kinds of a connection. */
export function incomingOf(connection: Connection): Required<Incoming> {
  return { lanes: new Arrivals(connection.incomingSend), twoWay: new Arrivals(connection.incomingBidi) };
}
