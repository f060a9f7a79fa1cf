/** Attaching to a hub, as the settings say. @module */

import { MeshError, RefusedError } from "../base/errors.ts";
import type { Identity } from "../identity/mod.ts";
import { connect, CONNECT_TIMEOUT_MS } from "../edge/connect.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { CALL_TIMEOUT_MS, type Logger, type Status } from "../mesh/options.ts";
import { denoRuntime, systemTimers } from "../node/runtime.ts";
import { createQuicTransport } from "../transport/quic/mod.ts";
import type { Transport } from "../transport/transport.ts";
import { givenAuth, showing } from "./admission/credential_source.ts";
import { credentialIdentity, keyFlag } from "./identity.ts";
import { stderrLogger } from "./output.ts";
import type { Leaving } from "./process/signals.ts";
import { parseListen, type Settings } from "./settings.ts";
import { checkDialOnly, chooseTarget, dialOnly, dialOnlyOf, LOCAL_TICKET_MS, newerTicket } from "./target.ts";

/** How a command attaches. */
export interface AttachOptions {
  /** The node to be; default that of `--key`, else a new one. */
  readonly identity?: Identity;
  /** Keep trying for ever, and ask for a target at once. */
  readonly forever?: boolean;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
  /** Of a command that stays: it leaves when it is turned away for good. */
  readonly leaving?: Leaving;
  /** The network to use, for commands with several connections; default one of its own. */
  readonly transport?: Transport;
}

/** Attaches to the hub that the settings name; rejects as `connect` does. */
export async function attach(settings: Settings, options: AttachOptions): Promise<Mesh> {
  const { leaving, signal = leaving?.signal, forever = false } = options;
  const shared = signal === undefined ? {} : { signal };
  const target = await chooseTarget(settings, { patienceMs: forever ? 0 : LOCAL_TICKET_MS, ...shared });
  const allowed = dialOnlyOf(settings);
  if (allowed !== undefined) checkDialOnly(target.names, allowed);
  const listen = settings.has("listen") ? parseListen(settings.text("listen")!) : {};
  const transport = options.transport ?? createQuicTransport(listen);
  leaving?.lastly(() => transport.close());
  const network = allowed === undefined ? transport : dialOnly(transport, allowed);
  const attempt = { ...options, ...shared, transport: network };
  return target.local
    ? await attachHere(target.names[0]!, settings, attempt)
    : await attachTo(target.names, settings, attempt);
}

/** To the gateway of this machine. The ticket may be what another one left before: one that is starting writes its own. */
async function attachHere(ticket: string, settings: Settings, options: Attempt): Promise<Mesh> {
  try {
    return await attachTo([ticket], settings, options).catch(async (error) => {
      options.signal?.throwIfAborted();
      const newer = await newerTicket(settings.stateDir, ticket, options.signal);
      if (newer === undefined) throw error;
      return await attachTo([newer], settings, options);
    });
  } catch (error) {
    if (!(error instanceof MeshError) || error.code !== "unreachable") throw error;
    throw new MeshError(error.code, `${error.message}; is the gateway of this machine running (macula gateway)?`, {
      cause: error,
    });
  }
}

type Attempt = AttachOptions & { readonly transport: Transport };

async function attachTo(names: readonly string[], settings: Settings, options: Attempt): Promise<Mesh> {
  const { logger, leaving, signal, transport, forever = false } = options, { realm } = settings;
  const timeout = settings.integer("timeout", 1) ?? CONNECT_TIMEOUT_MS;
  const given = givenAuth(settings), needsKey = given !== undefined && given.kind !== "token";
  const identity = options.identity ?? await keyFlag(settings) ??
    (needsKey ? await credentialIdentity(settings) : undefined);
  const shown = given === undefined ? undefined : await showing(given, { identity, timers: systemTimers(), logger });
  try {
    const mesh = await connect(names, {
      ...(signal === undefined ? {} : { signal }),
      ...(realm === undefined ? {} : { realm }),
      ...(identity === undefined ? {} : { identity }),
      ...(shown === undefined ? {} : { auth: shown.auth }),
      timeout: forever ? Infinity : timeout,
      legacy: settings.has("legacy"),
      logger,
      runtime: denoRuntime(transport),
    });
    tellReturns(mesh, logger);
    if (leaving !== undefined && given?.kind !== "file") leaveWhenTurnedAway(mesh, leaving);
    if (shown !== undefined) onClosed(mesh, () => shown[Symbol.dispose]());
    return mesh;
  } catch (error) {
    shown?.[Symbol.dispose]();
    throw error;
  }
}

function tellReturns(mesh: Mesh, logger: Logger): void {
  mesh.addEventListener("statuschange", (event) => {
    const { to } = (event as CustomEvent<{ to: Status }>).detail;
    if (to === "connected") logger.info("attached again", { remote: remoteOf(mesh) });
  });
}

/** What was given on the command line stays what it is; a file may be replaced, and is worth waiting for. */
function leaveWhenTurnedAway(mesh: Mesh, leaving: Leaving): void {
  mesh.addEventListener("turnedaway", ({ detail: { code, text } }) => leaving.fail(new RefusedError(code, text)));
}

function onClosed(mesh: Mesh, action: () => void): void {
  mesh.addEventListener("statuschange", (event) => {
    const { to } = (event as CustomEvent<{ to: Status }>).detail;
    if (to === "closed") action();
  });
}

/** Where a mesh handle is attached, for people. */
export function remoteOf(mesh: Mesh): string {
  return mesh.links()[0]?.remote ?? "no hub";
}

/** How long to wait for an answer, ms. */
export function answerTimeout(settings: Settings): number {
  return settings.integer("timeout", 1) ?? CALL_TIMEOUT_MS;
}

/** The logger of a command that stays: `info` unless the user said otherwise. */
export function stayingLogger(settings: Settings): Logger {
  return stderrLogger(settings.logLevel("info"), settings.has("json"));
}

/** The logger of a command that does one thing: silent unless the user asked for a level. */
export function oneShotLogger(settings: Settings): Logger {
  return stderrLogger(settings.logLevel("off"), settings.has("json"));
}
