/** The bodies of measured events: each says which it is, so that a lost, doubled or displaced one is seen. @module */

/** Every body's length, bytes. */
export const PAYLOAD_BYTES = 128;
/** Bodies are told apart over so many; a power of two. */
const RING = 1_024;
const FILL = 120;

/** Bodies made beforehand: `payloads()(i)` is the i-th, and is not written to again. */
export function payloads(): (index: number) => Uint8Array {
  const ring = Array.from({ length: RING }, (_, index) => payload(index));
  return (index) => ring[index & (RING - 1)]!;
}

/** A body of its own that carries a time, ms. */
export function timedPayload(index: number, at: number): Uint8Array {
  const bytes = payload(index);
  new DataView(bytes.buffer).setFloat64(4, at);
  return bytes;
}

/** The time that a body carries. */
export function timeOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(4);
}

/** Counts bodies as they come in. */
export class Tally {
  #received = 0;
  #displaced = 0;
  #next = 0;

  /** How many came. */
  get received(): number {
    return this.#received;
  }

  /** How many were not the successor of the one before: after a loss, a double, or a change of order. */
  get displaced(): number {
    return this.#displaced;
  }

  /** Takes one; throws where it is not as it was sent. */
  add(bytes: Uint8Array): void {
    if (bytes.length !== PAYLOAD_BYTES || bytes[PAYLOAD_BYTES - 1] !== FILL) {
      throw new Error(`Cannot count an event: it has ${PAYLOAD_BYTES} bytes as they were sent, got ${bytes.length}`);
    }
    const index = bytes[0]! << 8 | bytes[1]!;
    if (index !== this.#next) this.#displaced++;
    this.#next = (index + 1) & (RING - 1);
    this.#received++;
  }
}

function payload(index: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(PAYLOAD_BYTES).fill(FILL), ringed = index & (RING - 1);
  bytes[0] = ringed >> 8;
  bytes[1] = ringed & 0xff;
  return bytes;
}
