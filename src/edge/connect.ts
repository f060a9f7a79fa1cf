/** `connect`: an edge with the machine's own clock, randomness and network. @module */

import { checkDuration } from "../base/duration.ts";
import { MeshError, ValidationError } from "../base/errors.ts";
import { checkIdentity, checkLabels, type Identity, type Labels } from "../identity/mod.ts";
import type { Auth } from "../link/admission/guard.ts";
import { OutgoingBudget } from "../link/budget.ts";
import { parseRealm } from "../names/mod.ts";
import { Edge } from "./edge.ts";
import { ownAuth } from "./own_auth.ts";
import { type Environment, readEnvironment, setting, type Values } from "../node/environment.ts";
import { edgeSettings } from "../node/limits.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { type CommonOptions, type Logger, SILENT } from "../mesh/options.ts";
import { denoRuntime, fetchText, localTicket, readCaCerts, type Runtime, systemEnvironment } from "../node/runtime.ts";
import { type NamedTarget, parseTarget } from "./targets.ts";

/** Options of `connect`. */
export interface ConnectOptions extends CommonOptions {
  /** The realm, which a ticket must be of; default that of the ticket, else `MACULA_REALM`, which comes first without a target. */
  readonly realm?: string | undefined;
  /**
   * By what this node shows that it belongs to the realm: its token, or a credential. Default nothing; where no target
   * was given either `MACULA_TOKEN`, `MACULA_CREDENTIAL` or `MACULA_CREDENTIAL_FILE` (read again when it changes).
   */
  readonly auth?: Auth | undefined;
  /** This node's key; default a fresh one in memory, with a credential that of the state folder, whose it must be. */
  readonly identity?: Identity | undefined;
  /**
   * What this node says of itself in `members()` and `discover()` of others, such as `{ site: "kitchen" }`: at most 16
   * texts and 2 KiB, and nobody proves them. Default none.
   */
  readonly labels?: Labels | undefined;
  /** Longest time until the first welcome, ms; `Infinity` keeps trying. Default 10,000. */
  readonly timeout?: number | undefined;
  /**
   * The gateway is one of Macula 0.20: it proves nothing, is slow (100 frames a second), and takes bodies of at most 8 KiB.
   * Targets are `https://host:port`, and the realm must be given: a wrong one freezes such a gateway. Default false.
   */
  readonly legacy?: boolean | undefined;
  /** Takes what the mesh has to say; default nobody. */
  readonly logger?: Logger | undefined;
  /** CAs (PEM) for gateways dialled by host name; default `MACULA_TLS_CACERTFILE`, else the system's. */
  readonly caCerts?: readonly string[] | undefined;
  /**
   * Time, randomness and network; default the machine's. For tests.
   *
   * @internal
   */
  readonly runtime?: Runtime | undefined;
}

/** Default of `timeout`, ms. */
export const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Attaches to a mesh as an edge. `target` is a ticket, a URL, or a list of them; without it `MACULA_BOOTSTRAP_PEERS`
 * counts, then the ticket that a local gateway left in the state folder; what is shown there is then that of the
 * environment too. To a target that the program names nothing is shown but what the program says.
 *
 * Rejects with `RefusedError` when the hub says no, with `DialError` (`unreachable`, `untrusted`, …) when
 * it is not there or not who it should be, and with `ValidationError` when the target cannot be understood.
 *
 * @example An edge and its gateway
 * ```ts
 * import { connect, startGateway } from "@macula/mesh";
 * import assert from "node:assert/strict";
 *
 * await using gateway = await startGateway({ realm: "org.example.home", listen: { port: 0 } });
 * await using mesh = await connect(gateway.ticket); // a program elsewhere is given the ticket: it holds no secret
 * assert.equal(mesh.status, "connected");
 * const { id } = await mesh.publish("sensor.kitchen.measured", { celsius: 21.5 });
 * assert.equal(id.length, 32);
 * ```
 */
export async function connect(target?: string | readonly string[], options: ConnectOptions = {}): Promise<Mesh> {
  const { timeout = CONNECT_TIMEOUT_MS, signal, logger = SILENT } = options;
  signal?.throwIfAborted();
  checkDuration("connect", "timeout", timeout);
  const labels = checkLabels("connect", options.labels), runtime = options.runtime ?? denoRuntime();
  const values = runtime.environment ?? systemEnvironment(), environment = readEnvironment(values);
  const names = target === undefined
    ? await defaultTargets(values, environment)
    : Array.isArray(target)
    ? target
    : [target as string];
  const caCerts = options.caCerts ?? await readCaCerts(environment);
  const targets = names.map((name) => parseTarget(name, { fetchText, caCerts }));
  if (targets.length === 0) {
    throw new ValidationError("Cannot connect: a list of at least one target is expected, got none");
  }
  if (options.legacy) checkLegacy(names, options, environment.get("MACULA_REALM"));
  const asked = options.realm ?? (target === undefined ? environment.realm() : undefined) ?? realmOf(targets);
  const realm = parseRealm(asked ?? environment.realm() ?? environment.text("MACULA_REALM"));
  // A secret of the environment is for the mesh of the environment, not for whatever ticket a program comes by.
  const auth = target === undefined && !options.legacy ? options.auth : options.auth ?? {};
  if (options.identity !== undefined) checkIdentity("connect", options.identity);
  const said = { auth, identity: options.identity };
  const own = await ownAuth(said, { ...runtime, environment, values, logger });
  // What few programs use does not hold up the start of the others.
  const original = options.legacy ? (await import("../legacy/mod.ts")).originalDialler() : undefined;
  const edge = new Edge({
    self: { identity: own.identity, realm, role: "edge", endpoint: "", labels, guard: own.guard },
    runtime,
    logger,
    budget: new OutgoingBudget(runtime.outgoingBytesMax),
    ...edgeSettings(),
    targets: () => resolveAll(targets),
    caCerts,
    ...original,
  });
  edge.addEventListener("statuschange", ({ detail: { to } }) => to === "closed" && own.close());
  try {
    await edge.attach(timeout, signal);
  } catch (error) {
    await edge.close();
    throw error;
  }
  return edge;
}

/** What a gateway of Macula 0.20 does not know cannot be asked of it. */
function checkLegacy(
  names: readonly string[],
  { realm, auth, labels }: ConnectOptions,
  fallback: string | undefined,
): void {
  const other = names.find((name) => !name.startsWith("https://"));
  if (other !== undefined) {
    throw new ValidationError(
      `Cannot connect: a gateway of Macula 0.20 is named by https://host:port, got ${
        JSON.stringify(other.slice(0, 80))
      }`,
    );
  }
  if (realm === undefined && fallback === undefined) {
    throw new ValidationError(
      "Cannot connect: a wrong realm freezes a gateway of Macula 0.20, so it must be given (realm, or MACULA_REALM), got none",
    );
  }
  if (auth !== undefined) {
    throw new ValidationError("Cannot connect: a gateway of Macula 0.20 asks for no token and no credential, got one");
  }
  if (labels !== undefined) {
    throw new ValidationError("Cannot connect: a gateway of Macula 0.20 tells nobody of labels, got some");
  }
}

/** The targets that can be resolved now; the last error if none can. */
async function resolveAll(targets: readonly NamedTarget[]) {
  const results = await Promise.allSettled(targets.map((target) => target.resolve()));
  const resolved = results.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
  const failed = results.find((result) => result.status === "rejected");
  if (resolved.length === 0 && failed !== undefined) throw failed.reason;
  return resolved;
}

function realmOf(targets: readonly NamedTarget[]): string | undefined {
  const realms = new Set(targets.flatMap(({ realm }) => realm === undefined ? [] : [realm]));
  if (realms.size > 1) {
    throw new ValidationError(`Cannot connect: the tickets must be of one realm, got ${[...realms].join(", ")}`);
  }
  return [...realms][0];
}

async function defaultTargets(values: Values, environment: Environment): Promise<readonly string[]> {
  const listed = environment.get("MACULA_BOOTSTRAP_PEERS")?.split(",").map((one) => one.trim()).filter(Boolean) ?? [];
  const variable = environment.named("MACULA_BOOTSTRAP_PEERS");
  setting(variable, () => listed.forEach((name) => void parseTarget(name, { fetchText, caCerts: undefined })));
  if (listed.length > 0) return listed;
  const ticket = await localTicket(values);
  if (ticket !== undefined) return [ticket];
  throw new MeshError(
    "no_target",
    "Cannot connect: there is nothing to connect to; give a ticket or URL, set MACULA_BOOTSTRAP_PEERS, or start a " +
      "gateway on this machine",
  );
}
