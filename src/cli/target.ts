/** Which hub a command attaches to, and which addresses it may dial. @module */

import { MeshError, ValidationError } from "../base/errors.ts";
import { parseTarget } from "../edge/targets.ts";
import { setting } from "../node/environment.ts";
import { fetchText } from "../node/runtime.ts";
import { formatEndpoint, looksLikeTicket, parseEndpoint, parseTicket } from "../names/mod.ts";
import { openStateFolder, readWhole, type StateFolder } from "../store/mod.ts";
import type { Address, Transport } from "../transport/transport.ts";
import type { Settings } from "./settings.ts";

/** What a running gateway leaves in its state folder for the other commands, behind its ticket. */
export const GATEWAY_FILE = "gateway.json";
/** How long a command waits for the ticket of a gateway that may just be starting, ms, where it itself started as usual. */
export const LOCAL_TICKET_MS = 2_000;
/** How long it waits likewise where a gateway holds the state folder already, ms. */
const STARTING_GATEWAY_MS = 10_000;
/** So long a command takes until it looks for a ticket, ms: measured, where the machine does nothing else. */
const USUAL_START_MS = 200;
const LOOK_MS = 25;

/** Where to attach. */
export interface ChosenTarget {
  /** Tickets and URLs. */
  readonly names: readonly string[];
  /** Whether they are the ticket of this machine's gateway, which nobody asked for. */
  readonly local: boolean;
}

/**
 * The hubs to attach to: flags, else the environment, else this machine's gateway, whose ticket is waited for
 * `patienceMs`. Rejects with `no_target` where there is nothing to attach to.
 */
export async function chooseTarget(
  settings: Settings,
  options: { readonly patienceMs: number; readonly signal?: AbortSignal },
): Promise<ChosenTarget> {
  const named = await checkedTargets(settings);
  if (named.length > 0) return { names: named, local: false };
  const ticket = await awaitedTicket(settings.stateDir, options);
  if (ticket !== undefined) return { names: [ticket], local: true };
  throw new MeshError(
    "no_target",
    `Cannot connect: there is nothing to connect to, no gateway has left a ticket in ${settings.stateDir}; ` +
      "give --ticket or --url, set MACULA_BOOTSTRAP_PEERS, or start one here with macula gateway",
  );
}

/** The same as `namedTargets`, each of which can be understood: an error names the variable that it stands in. */
export async function checkedTargets(settings: Settings): Promise<string[]> {
  const names = await namedTargets(settings), variable = settings.environment.named("MACULA_BOOTSTRAP_PEERS");
  const check = () => names.forEach((name) => void parseTarget(name, { caCerts: undefined, fetchText }));
  if (settings.has("ticket") || settings.has("url")) check();
  else setting(variable, check);
  return names;
}

/** The tickets and URLs that flags or the environment name; empty where they name none. */
export async function namedTargets(settings: Settings): Promise<string[]> {
  const names = typedTargets(settings);
  return await Promise.all(names.map((name) => name.startsWith("@") ? fileTicket(name.slice(1)) : name));
}

/** The files that hold the tickets of targets. */
export function ticketFiles(settings: Settings): string[] {
  return typedTargets(settings).filter((name) => name.startsWith("@")).map((name) => name.slice(1));
}

function typedTargets(settings: Settings): string[] {
  const flags = [settings.text("ticket"), settings.text("url")].filter((text) => text !== undefined);
  const list = flags.length > 0 ? flags.join(",") : settings.environment.get("MACULA_BOOTSTRAP_PEERS") ?? "";
  return list.split(",").map((one) => one.trim()).filter((one) => one !== "");
}

/**
 * How long to wait for what another process leaves, ms, where this one took `startMs` from its beginning to here: if that
 * is longer than usual, the other one, begun at the same time on the same machine, takes as many times longer, too.
 */
export function patienceHere(patienceMs: number, startMs: number): number {
  return patienceMs * Math.max(1, startMs / USUAL_START_MS);
}

/** The ticket in a state folder; undefined if there is none when the patience ends. */
async function awaitedTicket(
  stateDir: string,
  { patienceMs, signal }: { readonly patienceMs: number; readonly signal?: AbortSignal },
): Promise<string | undefined> {
  const folder = await openStateFolder(stateDir, { lock: false }), startMs = performance.now();
  for (;;) {
    const ticket = await folder.readTicket();
    if (ticket !== undefined) return ticket;
    const starting = await folder.holder() !== undefined;
    const patience = patienceHere(starting ? STARTING_GATEWAY_MS : patienceMs, startMs);
    if (performance.now() - startMs >= patience) return undefined;
    await nextLook(signal);
  }
}

/**
 * The ticket that a gateway has left in the state folder in the place of `ticket`, which did not lead to it; one that
 * is just starting is waited for. Undefined where there is no other.
 */
export async function newerTicket(stateDir: string, ticket: string, signal?: AbortSignal): Promise<string | undefined> {
  const folder = await openStateFolder(stateDir, { lock: false }), startedAt = performance.now();
  while (await isStarting(folder) && performance.now() - startedAt < STARTING_GATEWAY_MS) {
    await nextLook(signal);
  }
  const now = await folder.readTicket();
  return now === ticket ? undefined : now;
}

/** Resolves when it is time to look again; rejects with the signal's reason. */
async function nextLook(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  signal?.throwIfAborted();
}

/** Whether a gateway holds the folder that has yet to say where it is. */
async function isStarting(folder: StateFolder): Promise<boolean> {
  return await folder.holder() !== undefined && await folder.readText(GATEWAY_FILE) === undefined;
}

/** The addresses that are in the targets' names; undefined where one has to be fetched first. */
export function addressesOf(names: readonly string[]): readonly Address[] | undefined {
  if (names.some((name) => name.startsWith("http://"))) return undefined;
  return names.flatMap((name) => looksLikeTicket(name) ? parseTicket(name).addresses : [parseEndpoint(name)]);
}

/** The addresses of `--dial-only`; undefined where it was not given. */
export function dialOnlyOf(settings: Settings): readonly Address[] | undefined {
  const list = settings.text("dial-only")?.split(",").map((one) => one.trim()).filter((one) => one !== "");
  if (list?.length === 0) {
    throw new ValidationError("Cannot use --dial-only: a list of host:port is expected, got none");
  }
  return list?.map((one) => parseEndpoint(one));
}

/** Throws where none of the targets' addresses may be dialled: trying would never help. */
export function checkDialOnly(names: readonly string[], allowed: readonly Address[]): void {
  const addresses = addressesOf(names);
  if (addresses === undefined || addresses.some((address) => isAmong(address, allowed))) return;
  throw new ValidationError(`${refusal(addresses, allowed)}; name one of them in it`);
}

/** The same network, with dials to other addresses refused. */
export function dialOnly(transport: Transport, allowed: readonly Address[]): Transport {
  return {
    async dial(options) {
      if (isAmong(options.address, allowed)) return await transport.dial(options);
      throw new MeshError("dial_not_allowed", refusal([options.address], allowed));
    },
    listen: (options) => transport.listen(options),
    close: () => transport.close(),
  };
}

function refusal(addresses: readonly Address[], allowed: readonly Address[]): string {
  return `Cannot dial ${listed(addresses)}: --dial-only allows ${listed(allowed)}`;
}

function listed(addresses: readonly Address[]): string {
  return addresses.map((address) => formatEndpoint(address)).join(", ");
}

function isAmong(address: Address, allowed: readonly Address[]): boolean {
  const same = (one: Address) => one.hostname.toLowerCase() === address.hostname.toLowerCase();
  return allowed.some((one) => same(one) && one.port === address.port);
}

/** The ticket in a file. */
export async function fileTicket(path: string): Promise<string> {
  const text = await readWhole(path);
  if (text !== undefined) return text.trim();
  throw new ValidationError(`Cannot read the ticket: there is no file ${path}`);
}
