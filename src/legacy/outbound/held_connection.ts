/** A connection that counts as closed only when something else is done too. @module */

import type { Address, BidiStream, CloseReason, Connection } from "../../transport/transport.ts";

/** The connection within; its end is told when `done` has resolved as well. */
export class HeldConnection implements Connection {
  readonly closed: Promise<CloseReason>;
  readonly #within: Connection;

  constructor(within: Connection, done: Promise<unknown>) {
    this.#within = within;
    this.closed = within.closed.then(async (reason) => {
      await done;
      return reason;
    });
  }

  get remote(): Address {
    return this.#within.remote;
  }

  get incomingBidi(): ReadableStream<BidiStream> {
    return this.#within.incomingBidi;
  }

  get incomingSend(): ReadableStream<ReadableStream<Uint8Array>> {
    return this.#within.incomingSend;
  }

  get datagramBytesMax(): number {
    return this.#within.datagramBytesMax;
  }

  openBidi(): Promise<BidiStream> {
    return this.#within.openBidi();
  }

  openSend(): Promise<WritableStream<Uint8Array>> {
    return this.#within.openSend();
  }

  sendDatagram(bytes: Uint8Array): Promise<void> {
    return this.#within.sendDatagram(bytes);
  }

  receiveDatagram(): Promise<Uint8Array | undefined> {
    return this.#within.receiveDatagram();
  }

  close(code: number, text: string): void {
    this.#within.close(code, text);
  }
}
