/** Endpoints: where a node can be dialled. @module */

import { ValidationError } from "../base/errors.ts";
import { type Endpoint, parseIp } from "./address.ts";
import { quote } from "./topic.ts";

const SHAPE = /^(?:(https?):\/\/)?(?:\[([^\]]*)\]|([^:/?#@[\]]*))(?::([0-9]{1,5}))?\/?$/;
const HOSTNAME =
  /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?$/;

/**
 * Reads `https://host:port`, `host:port` or either without a port, IPv6 in brackets. Without a port it is
 * `options.defaultPort`, else 80 for `http://` and 443 otherwise. Throws `ValidationError`.
 */
export function parseEndpoint(text: string, options: { readonly defaultPort?: number } = {}): Endpoint {
  const [, scheme, ipv6, name, digits] = SHAPE.exec(text) ?? [];
  const hostname = ipv6 ?? name;
  if (hostname === undefined) throw invalid("it is https://host:port or host:port, IPv6 in brackets", text);
  if (ipv6 !== undefined ? parseIp(ipv6)?.length !== 16 : !isHostname(hostname)) {
    throw invalid("its host is a host name or an IP address", text);
  }
  const port = digits === undefined ? options.defaultPort ?? (scheme === "http" ? 80 : 443) : Number(digits);
  if (!isPort(port)) throw invalid("its port is 1 to 65535", text);
  return { hostname, port };
}

/** `host:port`, IPv6 in brackets: what `parseEndpoint` reads. */
export function formatEndpoint(endpoint: Endpoint): string {
  const { hostname, port } = endpoint;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Whether `text` is a host name or an IP literal, IPv6 without brackets. */
export function isHostname(text: string): boolean {
  if (text.includes(":")) return parseIp(text) !== undefined;
  // What looks like an IPv4 literal and is none (1.2.3.256, 010.0.0.1) is not a host name either (WHATWG URL, 3.5).
  if (/(?:^|\.)[0-9]+\.?$/.test(text)) return parseIp(text) !== undefined;
  return text.length <= 253 && HOSTNAME.test(text);
}

/** Whether `port` is 1 to 65535. */
export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}

function invalid(rule: string, text: string): ValidationError {
  return new ValidationError(`Cannot use as an endpoint: ${rule}, got ${quote(text)}`);
}
