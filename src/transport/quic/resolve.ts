/** Host names to IP addresses. @module */

import { isIpLiteral } from "../../identity/certificate.ts";
import { type Address, DialError, formatAddress } from "../transport.ts";

/** Addresses of one name that are tried: bounds what a name server can make us do. */
const ADDRESSES_MAX = 8;

/**
 * All addresses of a host, an IP literal itself, in the order to try them: families take turns, the system's first
 * choice leads (RFC 8305 section 4). Where looking it up is not permitted, the name itself: the dial may still be.
 * Rejects with a `DialError` with code `unknown_host`.
 */
export async function resolve(address: Address): Promise<string[]> {
  if (isIpLiteral(address.hostname)) return [address.hostname];
  try {
    const { lookup } = await import("node:dns/promises"); // not loaded where addresses are IP literals
    const found = await lookup(address.hostname, { all: true, verbatim: true });
    return interleave(found.map((entry) => entry.address)).slice(0, ADDRESSES_MAX);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) return [address.hostname];
    throw new DialError(
      "unknown_host",
      `Cannot dial ${formatAddress(address)}: the host name must have an address, got ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** Alternates between the family of the first address and the other one, without duplicates. */
export function interleave(addresses: readonly string[]): string[] {
  const unique = [...new Set(addresses)];
  const isFirstFamily = (ip: string) => ip.includes(":") === unique[0]?.includes(":");
  const first = unique.filter(isFirstFamily);
  const second = unique.filter((ip) => !isFirstFamily(ip));
  const out: string[] = [];
  for (let i = 0; i < first.length || i < second.length; i++) {
    if (first[i] !== undefined) out.push(first[i]!);
    if (second[i] !== undefined) out.push(second[i]!);
  }
  return out;
}
