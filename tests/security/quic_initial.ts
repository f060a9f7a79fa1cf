/** First packets of QUIC connections that go no further (RFC 9000, RFC 9001): what a flood of half-open ones is made of. @module */

import { createCipheriv, createHmac } from "node:crypto";
import { concatBytes, utf8 } from "../../src/base/bytes.ts";

/** RFC 9001 section 5.2. */
const INITIAL_SALT = Uint8Array.fromHex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a");
/** RFC 9000 section 14.1: an Initial is padded to at least this. */
const PACKET_BYTES = 1_200;
const PACKET_NUMBER_BYTES = 4, TAG_BYTES = 16, CONNECTION_ID_BYTES = 8;
const AUTHENTIC_HEADER_BYTES = 1 + 4 + 1 + CONNECTION_ID_BYTES + 1 + CONNECTION_ID_BYTES + 1 + 2 + PACKET_NUMBER_BYTES;

/** A valid Initial with the beginning of a ClientHello, whose rest never comes. The number tells connections apart. */
export function halfOpenInitial(connection: number): Uint8Array<ArrayBuffer> {
  const destination = connectionId(0xd0, connection), source = connectionId(0x50, connection);
  const { key, iv, headerKey } = clientKeys(destination);
  const sealedBytes = PACKET_BYTES - AUTHENTIC_HEADER_BYTES;
  const length = 0x4000 | (PACKET_NUMBER_BYTES + sealedBytes); // a two-byte integer, RFC 9000 section 16
  const header = concatBytes(
    Uint8Array.of(0xc0 | (PACKET_NUMBER_BYTES - 1), 0, 0, 0, 1, CONNECTION_ID_BYTES),
    destination,
    Uint8Array.of(CONNECTION_ID_BYTES),
    source,
    Uint8Array.of(0, length >> 8, length & 0xff, 0, 0, 0, 0), // no token; packet number 0
  );
  const hello = Uint8Array.of(1, 0, 1, 44, 3, 3, ...new Uint8Array(20)); // says 300 bytes, has 22
  const frames = new Uint8Array(sealedBytes - TAG_BYTES); // zeros are PADDING frames
  frames.set(concatBytes(Uint8Array.of(0x06, 0, hello.length), hello));
  const cipher = createCipheriv("aes-128-gcm", key, iv); // packet number 0: the nonce is the IV
  cipher.setAAD(header);
  const sealed = concatBytes(cipher.update(frames), cipher.final(), cipher.getAuthTag());
  return protect(header, sealed, headerKey);
}

function connectionId(kind: number, connection: number): Uint8Array {
  const id = new Uint8Array(CONNECTION_ID_BYTES).fill(kind);
  new DataView(id.buffer).setUint32(4, connection);
  return id;
}

function clientKeys(destination: Uint8Array) {
  const initial = hmac(INITIAL_SALT, destination), client = expand(initial, "client in", 32);
  return {
    key: expand(client, "quic key", 16),
    iv: expand(client, "quic iv", 12),
    headerKey: expand(client, "quic hp", 16),
  };
}

/** HKDF-Expand-Label (RFC 8446 section 7.1), for one block. */
function expand(secret: Uint8Array, label: string, length: number): Uint8Array {
  const name = utf8(`tls13 ${label}`);
  return hmac(secret, concatBytes(Uint8Array.of(0, length, name.length), name, Uint8Array.of(0, 1))).slice(0, length);
}

function hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac("sha256", key).update(data).digest());
}

/** RFC 9001 section 5.4. */
function protect(header: Uint8Array, sealed: Uint8Array, key: Uint8Array): Uint8Array<ArrayBuffer> {
  const sample = sealed.subarray(4 - PACKET_NUMBER_BYTES, 4 - PACKET_NUMBER_BYTES + 16);
  const cipher = createCipheriv("aes-128-ecb", key, null);
  cipher.setAutoPadding(false);
  const mask = concatBytes(cipher.update(sample), cipher.final()), packet = concatBytes(header, sealed);
  packet[0]! ^= mask[0]! & 0x0f;
  const at = header.length - PACKET_NUMBER_BYTES;
  for (let i = 0; i < PACKET_NUMBER_BYTES; i++) packet[at + i]! ^= mask[i + 1]!;
  return packet;
}
