/**
 * Tickets: one string that says how to reach and verify a node. It holds no secret and never goes stale.
 *
 *     macula1…  Bech32m of:
 *     01                        version
 *     n, realm                  u8 length, ASCII
 *     public key                32 bytes, Ed25519
 *     n, n addresses            u8 count; each: 04 IPv4 port | 06 IPv6 port | 00 u8 length, host name, port
 *
 * @module
 */

import { concatBytes, fromUtf8, utf8 } from "../base/bytes.ts";
import { ValidationError } from "../base/errors.ts";
import { decodeAddress, encodeAddress, type Endpoint, parseIp, portBytes } from "./address.ts";
import { decodeBech32m, encodeBech32m } from "./bech32.ts";
import { isHostname, isPort } from "./endpoint.ts";
import { isRealm, type Realm } from "./realm.ts";
import { quote } from "./topic.ts";

/** Where a gateway shows its ticket over HTTP. */
export const TICKET_PATH = "/.well-known/macula";

/** How to reach a node, and the key that it must prove to have. */
export interface Ticket {
  readonly realm: Realm;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Best first, at most 16. */
  readonly addresses: readonly Endpoint[];
}

/** Most addresses in a ticket. */
export const TICKET_ADDRESSES_MAX = 16;

const PREFIX = "macula";
const VERSION = 1;
const PUBLIC_KEY_BYTES = 32;
/** Above what the largest ticket takes: 16 host names of 253 bytes and the longest realm. */
const TEXT_CHARACTERS_MAX = 8192;

/** Writes a ticket as one string; throws `ValidationError` on a field that cannot be right. */
export function formatTicket(ticket: Ticket): string {
  const { realm, publicKey, addresses } = ticket;
  if (!isRealm(realm)) throw unwritable("its realm is a reverse-DNS name", quote(realm));
  if (publicKey.length !== PUBLIC_KEY_BYTES) {
    throw unwritable(`its public key has ${PUBLIC_KEY_BYTES} bytes`, publicKey.length);
  }
  if (addresses.length > TICKET_ADDRESSES_MAX) {
    throw unwritable(`it has at most ${TICKET_ADDRESSES_MAX} addresses`, addresses.length);
  }
  const parts = [Uint8Array.of(VERSION, realm.length), utf8(realm), publicKey, Uint8Array.of(addresses.length)];
  return encodeBech32m(PREFIX, concatBytes(...parts, ...addresses.map(packEndpoint)));
}

/** Reads a ticket, blanks around it and upper case allowed. Throws `ValidationError` that says what does not fit. */
export function parseTicket(text: string): Ticket {
  const trimmed = text.trim();
  if (trimmed.length > TEXT_CHARACTERS_MAX) {
    throw unreadable(`it has at most ${TEXT_CHARACTERS_MAX} characters, got ${trimmed.length}`);
  }
  return unpack(decode(trimmed));
}

/** Whether `text` begins as a ticket does; it may still be mistyped. */
export function looksLikeTicket(text: string): boolean {
  return /^\s*macula1/i.test(text);
}

function decode(text: string): Uint8Array {
  try {
    return decodeBech32m(PREFIX, text);
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    const rule = error.message.slice(error.message.indexOf(": ") + 2);
    throw unreadable(`${rule}, got ${quote(text)}`);
  }
}

function unpack(bytes: Uint8Array): Ticket {
  let offset = 0;
  const take = (length: number): Uint8Array => {
    if (offset + length > bytes.length) throw unreadable(`it ends too early, got ${bytes.length} bytes`);
    return bytes.slice(offset, offset += length);
  };
  const byte = () => take(1)[0]!;
  const version = byte();
  if (version !== VERSION) throw unreadable(`its version is ${VERSION}, got ${version}`);
  const realm = asciiText(take(byte()));
  if (!isRealm(realm)) throw unreadable(`its realm is a reverse-DNS name, got ${quote(realm)}`);
  const publicKey = take(PUBLIC_KEY_BYTES);
  const count = byte();
  if (count > TICKET_ADDRESSES_MAX) throw unreadable(`it has at most ${TICKET_ADDRESSES_MAX} addresses, got ${count}`);
  const addresses: Endpoint[] = [];
  for (let i = 0; i < count; i++) addresses.push(unpackEndpoint(byte(), take));
  if (offset < bytes.length) throw unreadable(`nothing follows its last address, got ${bytes.length - offset} bytes`);
  return { realm, publicKey, addresses };
}

function packEndpoint(endpoint: Endpoint): Uint8Array {
  const { hostname, port } = endpoint;
  if (!isPort(port)) throw unwritable("a port is 1 to 65535", port);
  if (parseIp(hostname) !== undefined) return encodeAddress(endpoint);
  if (!isHostname(hostname)) throw unwritable("a host is a host name or an IP address", quote(hostname));
  return concatBytes(Uint8Array.of(0, hostname.length), utf8(hostname), portBytes(port));
}

function unpackEndpoint(kind: number, take: (length: number) => Uint8Array): Endpoint {
  let endpoint: Endpoint;
  if (kind === 4 || kind === 6) {
    endpoint = decodeAddress(concatBytes(Uint8Array.of(kind), take(kind === 4 ? 6 : 18)));
  } else if (kind === 0) {
    const hostname = asciiText(take(take(1)[0]!)), port = take(2);
    if (!isHostname(hostname)) throw unreadable(`a host is a host name or an IP address, got ${quote(hostname)}`);
    endpoint = { hostname, port: port[0]! << 8 | port[1]! };
  } else {
    throw unreadable(`an address begins with 0, 4 or 6, got ${kind}`);
  }
  if (endpoint.port === 0) throw unreadable("a port is 1 to 65535, got 0");
  return endpoint;
}

function asciiText(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch {
    throw unreadable("a name in it is ASCII, got other bytes");
  }
}

function unreadable(what: string): ValidationError {
  return new ValidationError(`Cannot read the ticket: ${what}`);
}

function unwritable(rule: string, value: unknown): ValidationError {
  return new ValidationError(`Cannot write the ticket: ${rule}, got ${value}`);
}
