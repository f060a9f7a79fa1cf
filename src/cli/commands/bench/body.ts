/**
 * The bodies of measured events: each says to which phase it belongs, which it is, and when it was due.
 *
 *     0  u32  phase      4  u32  index      8  f64  due, ms on the clock of this process
 *
 * @module
 */

import { SIZE_BYTES } from "./plan.ts";

const HEADER_BYTES = SIZE_BYTES.least, FILL = 120;

/** Makes bodies of one length. */
export class BodyMaker {
  readonly #template: Uint8Array;

  constructor(sizeBytes: number) {
    this.#template = new Uint8Array(sizeBytes).fill(FILL);
  }

  /** A body in memory of its own: the mesh may keep it for a while. */
  make(phase: number, index: number, dueMs: number): Uint8Array {
    const bytes = this.#template.slice(), view = new DataView(bytes.buffer);
    view.setUint32(0, phase);
    view.setUint32(4, index);
    view.setFloat64(8, dueMs);
    return bytes;
  }
}

/** What a body says about itself. */
export interface BodyHeader {
  readonly phase: number;
  readonly index: number;
  readonly dueMs: number;
}

/** Reads a body; undefined where it is none of `sizeBytes`. */
export function readBody(data: unknown, sizeBytes: number): BodyHeader | undefined {
  if (!(data instanceof Uint8Array) || data.length !== sizeBytes) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, HEADER_BYTES);
  return { phase: view.getUint32(0), index: view.getUint32(4), dueMs: view.getFloat64(8) };
}
