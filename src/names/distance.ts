/** The XOR metric of Kademlia (Maymounkov and Mazières, 2002) over ids of equal length. @module */

/** The distance of two ids: their bits, exclusive or. The shorter length counts. */
export function distance(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(Math.min(a.length, b.length));
  for (let i = 0; i < out.length; i++) out[i] = a[i]! ^ b[i]!;
  return out;
}

/** The first 32 bits of an id: enough to tell most apart, and to compare most, without a look at the rest. */
export function prefixOf(id: Uint8Array): number {
  return id[0]! << 24 | id[1]! << 16 | id[2]! << 8 | id[3]!;
}

/**
 * With the first bit the other way round, the first 32 bits of two distances compare as signed numbers as they do without
 * a sign; such numbers take no memory of their own.
 */
export const SIGN_BIT: number = 1 << 31;

/** How many zero bits `bytes` begins with; all of them where there is no other. */
export function leadingZeros(bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== 0) return 8 * i + Math.clz32(bytes[i]!) - 24;
  }
  return 8 * bytes.length;
}

/** The bucket of `other` seen from `own`: the length of their common prefix in bits; 256 for the same 32-byte id. */
export function bucketIndex(own: Uint8Array, other: Uint8Array): number {
  const length = Math.min(own.length, other.length);
  for (let i = 0; i < length; i++) {
    const difference = own[i]! ^ other[i]!;
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24;
  }
  return 8 * length;
}

/** The same; given the first 32 bits of both, most ids need not be looked at. */
export function bucketIndexOf(own: Prefixed, other: Prefixed): number {
  const difference = own.prefix ^ other.prefix;
  return difference === 0 ? bucketIndex(own.nodeBytes, other.nodeBytes) : Math.clz32(difference);
}

/** An id and its first 32 bits. */
export interface Prefixed {
  readonly nodeBytes: Uint8Array;
  readonly prefix: number;
}

/** Below zero where `a` is closer to `target` than `b`, above where `b` is, zero where they are the same id. */
export function compareDistance(target: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < target.length; i++) {
    const order = (target[i]! ^ a[i]!) - (target[i]! ^ b[i]!);
    if (order !== 0) return order;
  }
  return 0;
}
