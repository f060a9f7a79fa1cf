/** Byte strings: comparison, joining, and their text forms. @module */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** The UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** The text of UTF-8 bytes; throws `TypeError` on bytes that are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  return isShortAscii(bytes) ? String.fromCharCode.apply(null, bytes as unknown as number[]) : decoder.decode(bytes);
}

/** Up to here characters are put together faster than the decoder starts: numbers, names. */
const SHORT_TEXT_BYTES = 32;

function isShortAscii(bytes: Uint8Array): boolean {
  if (bytes.length > SHORT_TEXT_BYTES) return false;
  let bits = 0;
  for (let i = 0; i < bytes.length; i++) bits |= bytes[i]!;
  return bits <= 0x7f;
}

/** Whether two byte strings are the same. Not constant-time: for secrets use the one in `identity/crypto.ts`. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The parts, one behind the other, in a new array. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** Lower-case hexadecimal digits. */
export function toHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** Bytes of hexadecimal digits; throws `SyntaxError` on anything else. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(text);
}

/** RFC 4648 base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

/** RFC 4648 base32, lower case, no padding: 32 bytes give 52 characters, a valid DNS label. */
export function toBase32(bytes: Uint8Array): string {
  let out = "", bits = 0, value = 0;
  for (const byte of bytes) {
    value = (value << 8 | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += BASE32[value >>> bits & 31];
    }
  }
  return bits > 0 ? out + BASE32[value << (5 - bits) & 31] : out;
}

/** A byte string as a map key: one character a byte. For short ids; 16 bytes give 16 characters. */
export function bytesKey(bytes: Uint8Array): string {
  if (bytes.length !== 16) return String.fromCharCode.apply(null, bytes as unknown as number[]);
  // Every call asks for such a key several times, and spelled out it takes a third of the time of `apply`.
  // deno-fmt-ignore
  return String.fromCharCode(
    bytes[0]!, bytes[1]!, bytes[2]!, bytes[3]!, bytes[4]!, bytes[5]!, bytes[6]!, bytes[7]!,
    bytes[8]!, bytes[9]!, bytes[10]!, bytes[11]!, bytes[12]!, bytes[13]!, bytes[14]!, bytes[15]!,
  );
}

/** The bytes of such a key, in a new array. */
export function keyBytes(key: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(key.length);
  for (let i = 0; i < key.length; i++) bytes[i] = key.charCodeAt(i);
  return bytes;
}
