/**
 * IP addresses as text and as bytes, and an IP address with a port as the original packs it:
 *
 *     04  IPv4 (4 bytes)   port (u16, big endian)
 *     06  IPv6 (16 bytes)  port (u16, big endian)
 *
 * @module
 */

import { ValidationError } from "../base/errors.ts";
import { concatBytes, toHex } from "../base/bytes.ts";
import { quote } from "./topic.ts";

/** A host and a port. */
export interface Endpoint {
  /** A host name or an IP literal, IPv6 without brackets. */
  readonly hostname: string;
  /** 1 to 65535. */
  readonly port: number;
}

const IPV4 = /^(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}$/;
const GROUP = /^[0-9A-Fa-f]{1,4}$/;

/** The 4 or 16 bytes of an IP literal (IPv6 without brackets or zone), or `undefined` where `text` is none. */
export function parseIp(text: string): Uint8Array<ArrayBuffer> | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** The text of 4 or 16 bytes; IPv6 as RFC 5952 wants it. Throws `ValidationError` on another length. */
export function formatIp(ip: Uint8Array): string {
  if (ip.length === 4) return ip.join(".");
  const groups = groupsOf(ip);
  const { start, length } = longestZeros(groups);
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  if (length < 2) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/** The text of 4 or 16 bytes as the original's nat_probe_reply has it: eight groups of four upper-case digits. */
export function formatIpInFull(ip: Uint8Array): string {
  if (ip.length === 4) return ip.join(".");
  return groupsOf(ip).map((group) => group.toString(16).toUpperCase().padStart(4, "0")).join(":");
}

/** Whose address it is, as far as that can be told: of IPv6 the /64, of which anybody has all; else the text itself. */
export function networkOf(hostname: string): string {
  const ip = hostname.includes(":") ? parseIp(hostname) : undefined;
  return ip?.length === 16 ? formatIp(concatBytes(ip.subarray(0, 8), new Uint8Array(8))) : hostname;
}

/** Packs an endpoint whose host name is an IP literal; throws `ValidationError` when it is not. */
export function encodeAddress(endpoint: Endpoint): Uint8Array<ArrayBuffer> {
  const ip = parseIp(endpoint.hostname);
  if (ip === undefined) {
    throw new ValidationError(`Cannot pack an address: it is an IP literal, got ${quote(endpoint.hostname)}`);
  }
  return concatBytes(Uint8Array.of(ip.length === 4 ? 4 : 6), ip, portBytes(endpoint.port));
}

/** Unpacks what `encodeAddress` packed; throws `ValidationError`. */
export function decodeAddress(bytes: Uint8Array): Endpoint {
  const length = bytes[0] === 4 ? 4 : bytes[0] === 6 ? 16 : -1;
  if (bytes.length !== length + 3) {
    throw new ValidationError(
      `Cannot unpack an address: it is 04 and 6 bytes or 06 and 18 bytes, got ${quote(toHex(bytes.subarray(0, 40)))}`,
    );
  }
  const ip = bytes.subarray(1, 1 + length);
  return { hostname: formatIp(ip), port: bytes[1 + length]! << 8 | bytes[2 + length]! };
}

/** A port as two bytes, big endian. */
export function portBytes(port: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(port >>> 8, port);
}

function parseIpv4(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!IPV4.test(text)) return undefined;
  const parts = text.split(".").map(Number);
  return parts.some((part) => part > 255) ? undefined : Uint8Array.from(parts);
}

function parseIpv6(text: string): Uint8Array<ArrayBuffer> | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = ipv6Groups(halves[0]!, halves.length === 1), tail = ipv6Groups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const out = new Uint8Array(16);
  [...head, ...new Array<number>(missing).fill(0), ...tail].forEach((group, i) => {
    out[2 * i] = group >>> 8;
    out[2 * i + 1] = group;
  });
  return out;
}

/** The groups of one side of a `::`; a dotted IPv4 may stand at the very end. */
function ipv6Groups(text: string, isLast: boolean): number[] | undefined {
  if (text === "") return [];
  const out: number[] = [], parts = text.split(":");
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (GROUP.test(part)) out.push(parseInt(part, 16));
    else {
      const ipv4 = isLast && i === parts.length - 1 ? parseIpv4(part) : undefined;
      if (ipv4 === undefined) return undefined;
      out.push(ipv4[0]! << 8 | ipv4[1]!, ipv4[2]! << 8 | ipv4[3]!);
    }
  }
  return out;
}

function groupsOf(ip: Uint8Array): number[] {
  if (ip.length !== 16) {
    throw new ValidationError(`Cannot write an IP address: it has 4 or 16 bytes, got ${ip.length}`);
  }
  return Array.from({ length: 8 }, (_, i) => ip[2 * i]! << 8 | ip[2 * i + 1]!);
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }, start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}
