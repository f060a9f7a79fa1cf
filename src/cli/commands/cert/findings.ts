/** What is wrong with a certificate: a pure list of rules. @module */

import { equalBytes } from "../../../base/bytes.ts";
import { formatIpInFull, parseIp } from "../../../names/mod.ts";
import type { CertificateFacts } from "./facts.ts";

/** Longest life of a certificate that a browser accepts by its hash: WebTransport, section "custom certificates". */
export const BROWSER_DAYS_MAX = 14;
const DAY_MS = 86_400_000;

/** One thing that is wrong. */
export interface Finding {
  readonly code:
    | "expired"
    | "not_yet_valid"
    | "wrong_host"
    | "authority"
    | "key_mismatch"
    | "too_long_for_browsers"
    | "key_not_for_browsers";
  /** A sentence for a person. */
  readonly text: string;
  /** It keeps somebody out; otherwise it only matters to browsers that pin the certificate. */
  readonly isFault: boolean;
}

/** What the certificate is held against. */
export interface CertificateUse {
  /** Wall time in milliseconds. */
  readonly now: number;
  /** The name or IP address that diallers know; any if absent. */
  readonly host?: string | undefined;
  /** The public key of the private key that goes with it; unknown if absent. */
  readonly publicKey?: Uint8Array | undefined;
  /** Whether browsers must accept it by its hash. */
  readonly browser: boolean;
}

/** What is wrong, the worst first; empty where nothing is. */
export function findings(facts: CertificateFacts, use: CertificateUse): Finding[] {
  const { notBefore, notAfter } = facts, { now, host, publicKey, browser } = use, found: Finding[] = [];
  const add = (code: Finding["code"], text: string, isFault = true) => void found.push({ code, text, isFault });
  const clock = `the clock here says ${instant(now)}`;
  if (publicKey !== undefined && !equalBytes(publicKey, facts.publicKey)) {
    add("key_mismatch", "its private key must be the one it was issued for, got another");
  }
  if (now >= notAfter) add("expired", `it must hold now, got one that ended ${instant(notAfter)}; ${clock}`);
  if (now < notBefore) add("not_yet_valid", `it must hold now, got one that begins ${instant(notBefore)}; ${clock}`);
  if (facts.isAuthority) {
    add("authority", "it must be one of a server, got one marked as a CA, which TLS refuses as a server's own");
  }
  if (host !== undefined && !facts.hosts.some((name) => covers(name, host.toLowerCase()))) {
    add("wrong_host", `it must be for ${host}, got ${facts.hosts.join(", ") || "no host at all"}`);
  }
  const days = (notAfter - notBefore) / DAY_MS;
  if (days > BROWSER_DAYS_MAX) {
    const text = `browsers pin a certificate of at most ${BROWSER_DAYS_MAX} days, got ${Math.round(days * 10) / 10}`;
    add("too_long_for_browsers", text, browser);
  }
  if (facts.key !== "ECDSA P-256") {
    add("key_not_for_browsers", `browsers pin a certificate with an ECDSA P-256 key, got ${facts.key}`, browser);
  }
  return found;
}

/** Whether a name in a certificate stands for a host; a `*` is one whole first label (RFC 6125 section 6.4.3). */
function covers(name: string, host: string): boolean {
  const [a, b] = [parseIp(name), parseIp(host)];
  if (a !== undefined || b !== undefined) {
    return a !== undefined && b !== undefined && formatIpInFull(a) === formatIpInFull(b);
  }
  if (!name.startsWith("*.")) return name === host;
  const dot = host.indexOf(".");
  return dot > 0 && host.slice(dot) === name.slice(1);
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
