/** A connection over Deno's QUIC. @module */

import { ClosedError, ValidationError } from "../../base/errors.ts";
import type { Address, BidiStream, CloseReason, Connection } from "../transport.ts";
import { closeReason } from "./failure.ts";

/** One QUIC connection; its streams are Deno's own, so that bytes pass through no extra layer. */
export class QuicConnection implements Connection {
  readonly remote: Address;
  readonly closed: Promise<CloseReason>;
  readonly #native: Deno.QuicConn;
  #closedHere: CloseReason | undefined;

  constructor(native: Deno.QuicConn) {
    this.#native = native;
    this.remote = plainAddress(native.remoteAddr);
    this.closed = native.closed.then((info) => this.#reason(info), closeReason);
  }

  get incomingBidi(): ReadableStream<BidiStream> {
    return this.#native.incomingBidirectionalStreams;
  }

  get incomingSend(): ReadableStream<ReadableStream<Uint8Array>> {
    return this.#native.incomingUnidirectionalStreams;
  }

  get datagramBytesMax(): number {
    return this.#native.maxDatagramSize;
  }

  async openBidi(): Promise<BidiStream> {
    return await this.#native.createBidirectionalStream({ waitUntilAvailable: true }).catch(noStream);
  }

  async openSend(): Promise<WritableStream<Uint8Array>> {
    return await this.#native.createUnidirectionalStream({ waitUntilAvailable: true }).catch(noStream);
  }

  async sendDatagram(bytes: Uint8Array): Promise<void> {
    const bytesMax = this.datagramBytesMax;
    if (bytes.length > bytesMax) {
      throw new ValidationError(`Cannot send a datagram: it has at most ${bytesMax} bytes, got ${bytes.length}`);
    }
    await this.#native.sendDatagram(bytes).catch((cause) => {
      throw new ClosedError(`Cannot send a datagram: the connection must be open, got ${cause.message}`);
    });
  }

  receiveDatagram(): Promise<Uint8Array | undefined> {
    return this.#native.readDatagram().catch(() => undefined);
  }

  close(code: number, text: string): void {
    if (this.#closedHere) return;
    this.#closedHere = { by: "local", code, text };
    this.#native.close({ closeCode: code, reason: text });
  }

  /** A local close is reported as code 0 without text, whatever it was called with. */
  #reason({ closeCode, reason }: Deno.QuicCloseInfo): CloseReason {
    if (this.#closedHere && closeCode === 0 && reason === "") return this.#closedHere;
    return { by: "remote", code: closeCode, text: reason };
  }
}

/** An address as Deno reports it, with IPv4 in its own form where it came through an IPv6 socket. */
export function plainAddress({ hostname, port }: { readonly hostname: string; readonly port: number }): Address {
  return { hostname: hostname.replace(/^::ffff:(?=\d+\.)/, ""), port };
}

function noStream(cause: Error): never {
  throw new ClosedError(`Cannot open a stream: the connection must be open, got ${cause.message}`);
}
