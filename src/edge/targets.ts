/**
 * From what a user names — a ticket, an address, a gateway's web address — to what a link dials and what it expects.
 *
 * @module
 */

import { MeshError, ValidationError } from "../base/errors.ts";
import { nodeIdOf, parseNodeId } from "../identity/mod.ts";
import type { Target } from "../link/attachment.ts";
import { looksLikeTicket, parseEndpoint, parseTicket, type Ticket, TICKET_PATH } from "../names/mod.ts";

/** A hub as named by a user, and the realm if that is known from it. */
export interface NamedTarget {
  readonly realm: string | undefined;
  /** Found anew for each round of dialling. */
  readonly resolve: () => Promise<Target>;
}

/** What is needed to understand a name. */
export interface TargetOptions {
  /** CAs (PEM) for gateways that are known by host name only; default the system's. */
  readonly caCerts: readonly string[] | undefined;
  /** Gets a text over HTTP. */
  readonly fetchText: (url: string) => Promise<string>;
}

/** Hosts whose plain HTTP nobody else can have answered. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/;
/**
 * Understands a name: a ticket (`macula1…`), `https://host:port` (the gateway has a certificate for that host), or
 * `http://host:port` (its web address: the ticket is fetched there, from loopback, or with `#<node id>` behind it).
 */
export function parseTarget(name: string, options: TargetOptions): NamedTarget {
  if (typeof name !== "string") throw notTarget(name);
  if (looksLikeTicket(name)) {
    const ticket = parseTicket(name), target = ticketTarget(ticket);
    return { realm: ticket.realm, resolve: () => Promise.resolve(target) };
  }
  if (name.startsWith("http://")) return { realm: undefined, resolve: () => fetched(name, options) };
  if (!name.startsWith("https://")) throw notTarget(name.slice(0, 100));
  const { caCerts } = options,
    expect = caCerts === undefined ? { kind: "name" } as const : { kind: "name", caCerts } as const;
  const target = { addresses: [parseEndpoint(name)], expect };
  return { realm: undefined, resolve: () => Promise.resolve(target) };
}

function notTarget(name: unknown): ValidationError {
  const expected = "a ticket (macula1…), https://host:port or http://host:port is expected";
  return new ValidationError(`Cannot connect: ${expected}, got ${JSON.stringify(name)}`);
}

/** What a ticket says. */
export function ticketTarget({ publicKey, addresses }: Ticket): Target {
  return { addresses, expect: { kind: "key", publicKey }, node: nodeIdOf(publicKey) };
}

async function fetched(name: string, { fetchText }: TargetOptions): Promise<Target> {
  const url = new URL(name), expected = url.hash === "" ? undefined : parseNodeId(url.hash.slice(1));
  if (expected === undefined && !LOOPBACK.test(url.hostname)) {
    throw new ValidationError(
      `Cannot trust a ticket that came over plain HTTP: give the node id behind it, as in ${url.origin}/#<64 hex digits>, ` +
        "or the ticket itself",
    );
  }
  let text: string;
  try {
    text = await fetchText(`${url.origin}${TICKET_PATH}`);
  } catch (cause) {
    throw new MeshError("unreachable", `Cannot fetch the ticket from ${url.origin}${TICKET_PATH}: ${reasonOf(cause)}`, {
      retryable: true,
      cause,
    });
  }
  const shown = JSON.parse(text) as { ticket?: unknown };
  if (typeof shown.ticket !== "string") throw new ValidationError(`Cannot use ${url.origin}: it shows no ticket`);
  const target = ticketTarget(parseTicket(shown.ticket));
  if (expected !== undefined && target.node !== expected) {
    throw new ValidationError(`Cannot trust ${url.origin}: its ticket is of node ${target.node}, expected ${expected}`);
  }
  return target;
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
