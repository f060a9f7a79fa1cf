/** A connection in memory: two ends that know each other. @module */

import { ClosedError, ValidationError } from "../../base/errors.ts";
import { Permits } from "../permits.ts";
import type { Address, BidiStream, CloseReason, Connection, TransportLimits } from "../transport.ts";
import type { Path } from "./path.ts";
import { Pipe } from "./pipe.ts";

/** What DESIGN promises for QUIC, so that nobody relies on more here. */
const DATAGRAM_BYTES = 1162;
/** Datagrams that nobody read: the oldest goes first, as in quinn. */
const DATAGRAMS_UNREAD_MAX = 1024;
/** Unread bytes of one stream before its writer waits: quinn's is 1.19 MiB, less shows the same sooner. */
const WINDOW_BYTES = 256 * 1024;

/** How one end is made. */
export interface EndOptions {
  readonly remote: Address;
  /** To the other end. */
  readonly path: Path;
  readonly limits: TransportLimits;
  /** When the copies of a datagram arrive, ms from now. */
  datagramMs(datagram: Uint8Array): readonly number[];
}

/** One end; its streams and datagrams arrive at the other. */
export class MemoryConnection implements Connection {
  readonly remote: Address;
  readonly datagramBytesMax = DATAGRAM_BYTES;
  readonly incomingBidi: ReadableStream<BidiStream>;
  readonly incomingSend: ReadableStream<ReadableStream<Uint8Array>>;
  readonly closed: Promise<CloseReason>;
  readonly #options: EndOptions;
  #peer!: MemoryConnection;
  readonly #bidiPermits: Permits;
  readonly #sendPermits: Permits;
  /** Streams opened here that the peer has not seen, in order. */
  readonly #unseenBidi = new Set<() => void>();
  readonly #unseenSend = new Set<() => void>();
  readonly #writing = new Set<Pipe>();
  readonly #reading = new Set<Pipe>();
  readonly #datagrams: Uint8Array[] = [];
  readonly #datagramReaders: ((datagram: Uint8Array | undefined) => void)[] = [];
  #bidiArrivals!: ReadableStreamDefaultController<BidiStream>;
  #sendArrivals!: ReadableStreamDefaultController<ReadableStream<Uint8Array>>;
  #resolveClosed!: (reason: CloseReason) => void;
  #hasEnded = false;

  private constructor(options: EndOptions, peerLimits: TransportLimits) {
    this.#options = options;
    this.remote = options.remote;
    this.#bidiPermits = new Permits(peerLimits.bidiStreamsMax);
    this.#sendPermits = new Permits(peerLimits.sendStreamsMax);
    this.incomingBidi = new ReadableStream({ start: (controller) => void (this.#bidiArrivals = controller) });
    this.incomingSend = new ReadableStream({ start: (controller) => void (this.#sendArrivals = controller) });
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
  }

  /** Two ends of one connection. */
  static pair(a: EndOptions, b: EndOptions): [MemoryConnection, MemoryConnection] {
    const ends: [MemoryConnection, MemoryConnection] = [
      new MemoryConnection(a, b.limits),
      new MemoryConnection(b, a.limits),
    ];
    ends[0].#peer = ends[1];
    ends[1].#peer = ends[0];
    return ends;
  }

  async openBidi(): Promise<BidiStream> {
    const release = await this.#bidiPermits.acquire();
    if (this.#hasEnded) throw gone();
    const peer = this.#peer;
    let unfinished = 2;
    const onDone = (): void => {
      if (--unfinished === 0) release();
    };
    const announce = (): void =>
      peer.#arrive(peer.#bidiArrivals, { readable: forth.readable, writable: back.writable });
    const onFirst = announceInOrder(this.#unseenBidi, announce);
    const forth = this.#pipe(this, { onDone: () => peer.#options.path.send(onDone), onFirst });
    const back = this.#pipe(peer, { onDone, onFirst: () => {} });
    return { readable: back.readable, writable: forth.writable };
  }

  async openSend(): Promise<WritableStream<Uint8Array>> {
    const release = await this.#sendPermits.acquire();
    if (this.#hasEnded) throw gone();
    const peer = this.#peer;
    const pipe = this.#pipe(this, {
      onDone: () => peer.#options.path.send(release),
      onFirst: announceInOrder(this.#unseenSend, () => peer.#arrive(peer.#sendArrivals, pipe.readable)),
    });
    return pipe.writable;
  }

  async sendDatagram(bytes: Uint8Array): Promise<void> {
    if (bytes.length > DATAGRAM_BYTES) {
      throw new ValidationError(`Cannot send a datagram: it has at most ${DATAGRAM_BYTES} bytes, got ${bytes.length}`);
    }
    if (this.#hasEnded) throw gone();
    const copy = bytes.slice();
    this.#options.path.scatter(() => this.#peer.#onDatagram(copy), this.#options.datagramMs(copy));
  }

  receiveDatagram(): Promise<Uint8Array | undefined> {
    const datagram = this.#datagrams.shift();
    if (datagram || this.#hasEnded) return Promise.resolve(datagram);
    return new Promise((resolve) => this.#datagramReaders.push(resolve));
  }

  close(code: number, text: string): void {
    if (this.#hasEnded) return;
    this.#options.path.send(() => this.#peer.end({ by: "remote", code, text }));
    this.end({ by: "local", code, text });
  }

  /** This end is over; the other one is not told. */
  end(reason: CloseReason): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#bidiPermits.close(gone);
    this.#sendPermits.close(gone);
    for (const pipe of this.#writing) pipe.failWriter(gone());
    for (const pipe of this.#reading) pipe.failReader(gone());
    this.#writing.clear();
    this.#reading.clear();
    this.#bidiArrivals.close();
    this.#sendArrivals.close();
    this.#datagrams.length = 0;
    for (const resolve of this.#datagramReaders.splice(0)) resolve(undefined);
    this.#resolveClosed(reason);
  }

  /** A pipe that starts at `from`; each end of the connection breaks its own end of it. */
  #pipe(from: MemoryConnection, { onFirst, onDone }: { onFirst: () => void; onDone: () => void }): Pipe {
    const to = from.#peer;
    const pipe = new Pipe({
      forth: from.#options.path,
      back: to.#options.path,
      windowBytes: WINDOW_BYTES,
      onFirst,
      onDone: () => {
        from.#writing.delete(pipe);
        to.#reading.delete(pipe);
        onDone();
      },
    });
    from.#writing.add(pipe);
    to.#reading.add(pipe);
    return pipe;
  }

  #arrive<T>(arrivals: ReadableStreamDefaultController<T>, stream: T): void {
    if (!this.#hasEnded) arrivals.enqueue(stream);
  }

  #onDatagram(datagram: Uint8Array): void {
    if (this.#hasEnded) return;
    const resolve = this.#datagramReaders.shift();
    if (resolve) return resolve(datagram);
    this.#datagrams.push(datagram);
    if (this.#datagrams.length > DATAGRAMS_UNREAD_MAX) this.#datagrams.shift();
  }
}

/** As in QUIC, a stream shows itself and all that were opened before it; returns what to do at its first byte. */
function announceInOrder(unseen: Set<() => void>, announce: () => void): () => void {
  unseen.add(announce);
  return () => {
    for (const earlier of unseen.has(announce) ? unseen : []) {
      unseen.delete(earlier);
      earlier();
      if (earlier === announce) return;
    }
  };
}

function gone(): ClosedError {
  return new ClosedError("Cannot use a connection: it must be open, got one that has ended");
}
