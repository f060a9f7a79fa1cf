/** Opens a gateway for peers of Macula 0.20. Loaded by the gateways that do, and by no other. @module */

import type { Failure } from "../base/protocol.ts";
import { ValidationError } from "../base/errors.ts";
import { type Known, LegacyGate, type LegacyOptions, parseAllow, type Question } from "../legacy/mod.ts";
import type { NodeId } from "../identity/mod.ts";
import { isProcedure, isTopic, parseProcedure } from "../names/mod.ts";
import type { Self } from "../link/handshake.ts";
import type { Logger } from "../mesh/options.ts";
import type { GatewayLimits } from "../node/limits.ts";
import type { Node } from "../node/node.ts";
import type { Runtime } from "../node/runtime.ts";
import type { Outcome, Provider } from "../rpc/messages.ts";
import type { Publish, RpcReply, RpcRequest } from "../wire/mod.ts";
import type { Address } from "../transport/transport.ts";

/** By it gateways that serve such peers ask each other what records do not say: those of the original name hashes. */
export const LEGACY_RECORDS = "com.macula.legacy.records";
/** Gateways that are asked at most, and how long each may take, ms. */
const OTHERS_MAX = 16, OTHERS_MS = 1_000;

/** What a gateway gives the gate. */
export interface Serving extends Pick<OpenOptions, "self" | "runtime"> {
  readonly address: () => Address;
  /** Calls a procedure of another hub. */
  readonly ask: (hub: NodeId, procedure: string, args: unknown, timeoutMs: number) => Promise<unknown>;
}

/** Peers of Macula 0.20 at a gateway. */
export interface LegacyService {
  readonly gate: LegacyGate;
  /** What this gateway serves for others of its kind, by name. */
  readonly procedures: Readonly<Record<string, (question: unknown) => Promise<Known>>>;
  /** Lets the gate serve the node behind it. */
  serve(node: Node, serving: Serving): void;
}

function serveLegacy(gate: LegacyGate, node: Node, { self, runtime, address, ask }: Serving): void {
  gate.bind({
    links: node.links,
    address,
    speak: self.guard?.mode === "credential" ? (message, by) => speak(message, by, node, { self, runtime }) : undefined,
    received: (link, message) => node.received(link, message),
    pause: (filler) => node.pause(filler),
    providers: async (procedure) => {
      const providers = await node.rpc<Provider[]>({ type: "providers", procedure }).answer;
      return providers.map((provider) => provider.node);
    },
    isWanted: async (topic) => {
      if (!isTopic(topic)) return false;
      const { links, own } = await node.pubsub<Audience>({ type: "audience", topic }).answer;
      return own || links.length > 0;
    },
    recorded: async (name) => {
      const serving = isProcedure(name) ? node.directory!.providers(name) : [];
      const wanting = isTopic(name) ? node.directory!.subscribers(name) : [];
      return { serves: (await serving).length > 0, wants: (await wanting).length > 0 };
    },
    others: (question) => askOthers(question, node, ask),
  });
}

/** What other gateways of this kind know; who does not answer knows nothing. */
async function askOthers(
  question: Question,
  node: Node,
  ask: Serving["ask"],
): Promise<readonly { readonly hub: Uint8Array; readonly known: Known }[]> {
  if (question.procedure === LEGACY_RECORDS) return [];
  const records = await node.directory!.providers(parseProcedure(LEGACY_RECORDS));
  const answers = await Promise.all(
    records.slice(0, OTHERS_MAX).map(async ({ node: hub, nodeBytes }) => {
      const said = await ask(hub, LEGACY_RECORDS, question, OTHERS_MS).catch(() => undefined) as Known | undefined;
      return { hub: nodeBytes, known: { serves: said?.serves === true, wants: said?.wants === true } };
    }),
  );
  return answers.filter(({ known }) => known.serves || known.wants);
}

/** The handler of `LEGACY_RECORDS`. */
function legacyRecords(gate: LegacyGate): (question: unknown) => Promise<Known> {
  return (question) => {
    const { procedure, key } = (question ?? {}) as { procedure?: unknown; key?: unknown };
    return gate.known({
      procedure: typeof procedure === "string" && isProcedure(procedure) ? procedure : undefined,
      key: typeof key === "string" ? key : undefined,
    });
  };
}

/** Whom an event here would be handed to. */
interface Audience {
  readonly links: readonly string[];
  readonly own: boolean;
}

/** How long an answer to a call of a legacy peer is waited for, ms: it says no deadline, and itself waits for 5 s. */
const CALL_MS = 30_000;

/** Where credentials are asked for, a gateway vouches for its legacy peers with its own name; events tell whose they are. */
function speak(
  message: Publish | RpcRequest,
  by: NodeId,
  node: Node,
  { self, runtime }: Pick<OpenOptions, "self" | "runtime">,
): Promise<RpcReply> | undefined {
  const { idBytes: ours } = self.identity, now = runtime.timers.now();
  if (message.kind === "publish") {
    const headers = JSON.stringify({ "legacy-publisher": by });
    const { acknowledge: _, claimed: _claimed, ...event } = message; // nobody waits for it, and what is said is ours
    node.publish({ ...event, publisher: ours, at: Math.floor(now), headers }, now);
    return undefined;
  }
  const { claimed: _, ...call } = message, { requestId } = call;
  const request = { ...call, fromNode: ours, deadlineMs: CALL_MS };
  const { answer } = node.rpc<Outcome>({ type: "call", request, timeoutMs: CALL_MS, strategy: "local_first" });
  const head = { kind: "rpcReply", requestId, fromNode: ours } as const;
  return answer.then(
    (outcome) => ({ ...head, ...outcome }),
    ({ code, text }: Failure) => ({ ...head, code, error: text }),
  );
}

/** What a gateway gives up by serving them. */
const GIVEN_UP =
  "legacy peers of Macula 0.20 are served: who reaches this port and knows the realm's name may join, node ids are " +
  "claimed and not proven, and nothing that such a peer says is signed; what it may do is allowed here";

/** What a gate is opened with. */
export interface OpenOptions {
  readonly self: Self;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly limits: GatewayLimits;
}

/** The gate, and a line in the log that says what it costs. Throws `ValidationError` on a list that cannot be read. */
export function openLegacyGate(
  { allow }: LegacyOptions,
  { self, runtime, logger, limits }: OpenOptions,
): LegacyService {
  const { identity, realm, endpoint, guard } = self, rights = parseAllow(allow);
  if (allow === undefined && guard !== undefined && guard.mode !== "open") {
    throw new ValidationError(
      `Cannot allow legacy peers: they can show no ${guard.mode}, so in this realm it must be said what they may do; ` +
        "give legacy.allow or --legacy-allow, as in publish:sensor.**",
    );
  }
  logger.warn(GIVEN_UP, { allow: allow ?? "everything" });
  const gate = new LegacyGate({
    self: {
      node: identity.id,
      nodeBytes: identity.idBytes,
      publicKey: identity.publicKey,
      role: "hub",
      capabilities: [],
      endpoint,
    },
    realm,
    rights,
    timers: runtime.timers,
    random: runtime.random.fork("legacy"),
    frameBytesMax: limits.frameBytesMax,
    throttle: { framesPerSecond: limits.framesPerClientPerSecond, bytesPerSecond: limits.bytesPerClientPerSecond },
    log: (text, details) => logger.info(text, details),
  });
  return {
    gate,
    procedures: { [LEGACY_RECORDS]: legacyRecords(gate) },
    serve: (node, serving) => serveLegacy(gate, node, serving),
  };
}
