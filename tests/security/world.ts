/** A realm with a key, gateways of each kind of admission on real QUIC, and peers who say what they like. @module */

import assert from "node:assert/strict";
import { connect, type ConnectOptions, createIdentity, type Gateway, type Identity, type Mesh } from "../../mod.ts";
import { startGateway, type StartGatewayOptions } from "../../mod.ts";
import { issueCredential, issueLeaf, nodeIdOf } from "../../src/identity/mod.ts";
import { edgeGuard, type Guard } from "../../src/link/admission/guard.ts";
import { establish, type Established } from "../../src/link/establish.ts";
import type { Self } from "../../src/link/handshake.ts";
import { formatTicket, parseRealm, parseTicket } from "../../src/names/mod.ts";
import { systemRandom, systemTimers } from "../../src/node/runtime.ts";
import { createQuicTransport } from "../../src/transport/quic/mod.ts";
import type { Connection, Transport } from "../../src/transport/transport.ts";
import { soon } from "../conformance/deadline.ts";
import { Talker } from "../link/world.ts";

export const REALM = "org.example.secure";
export const TOKEN = "c2VjcmV0LXRva2VuLW9mLXRlc3Q", OTHER_TOKEN = "YW5vdGhlci1zZWNyZXQtdG9rZW4";
/** The realm's key, and one of somebody else who calls itself the same realm. */
export const realmKey = identity(101), foreignKey = identity(102);

/** Always the same key for a number. */
export function identity(seed: number): Identity {
  return createIdentity(new Uint8Array(32).fill(seed));
}

/** Everything. */
export const ALL = { publish: ["**"], subscribe: ["**"], call: ["**"], advertise: ["**"] };

/** What a credential says where a test does not say otherwise: an edge that may do everything, for an hour. */
export interface Wish {
  readonly role?: "edge" | "hub";
  readonly rights?: Partial<Record<keyof typeof ALL, readonly string[]>>;
  /** Wall time, ms. */
  readonly from?: number;
  readonly lifeMs?: number;
  readonly by?: Identity;
  readonly realm?: string;
  readonly id?: string;
}

/** A credential for `node`. */
export function credentialOf(node: Identity, wish: Wish = {}): Promise<string> {
  const { role = "edge", rights = ALL, from = Date.now(), lifeMs = 3_600_000, by = realmKey, realm = REALM } = wish;
  return issueCredential(by, { realm, node: node.id, role, rights, now: from, lifeMs, id: wish.id });
}

/** The same with other claims or header, signed again by `by`: what `realm issue` would not issue. */
export function forged(
  token: string,
  { header = {}, claims = {}, by }: { header?: object; claims?: object; by?: Identity },
): string {
  const [first, second, signature] = token.split(".") as [string, string, string];
  const changed = (part: string, fields: object) => part64({ ...JSON.parse(text64(part)), ...fields });
  const signed = `${changed(first, header)}.${changed(second, claims)}`;
  if (by === undefined) return `${signed}.${signature}`;
  return `${signed}.${
    by.sign(new TextEncoder().encode(signed)).toBase64({ alphabet: "base64url", omitPadding: true })
  }`;
}

function text64(part: string): string {
  return new TextDecoder().decode(Uint8Array.fromBase64(part, { alphabet: "base64url" }));
}

function part64(value: object): string {
  return new TextEncoder().encode(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** A gateway that admits with credentials, and shows its own. */
export async function credentialGateway(options: Partial<StartGatewayOptions> & { revoked?: Set<string> } = {}) {
  const { revoked = new Set(), identity: hub = identity(100), ...rest } = options;
  const isRevoked = (id: string) => revoked.has(id);
  return await startGateway({
    realm: REALM,
    listen: { port: 0 },
    identity: hub,
    admission: { mode: "credential", realmKey: realmKey.publicKey, isRevoked },
    auth: { credential: await credentialOf(hub, { role: "hub" }) },
    ...rest,
  });
}

/** A gateway that admits who knows the token. */
export function tokenGateway(options: Partial<StartGatewayOptions> = {}): Promise<Gateway> {
  return startGateway({ realm: REALM, listen: { port: 0 }, admission: { mode: "token", token: TOKEN }, ...options });
}

/** A gateway that admits everybody. */
export function openGateway(options: Partial<StartGatewayOptions> = {}): Promise<Gateway> {
  return startGateway({ realm: REALM, listen: { port: 0 }, ...options });
}

/** An edge with a credential. */
export async function edge(gateway: Gateway, node: Identity, wish: Wish = {}, options: ConnectOptions = {}) {
  return await connect(gateway.ticket, {
    identity: node,
    auth: { credential: await credentialOf(node, wish) },
    ...options,
  });
}

/** Whom a raw peer says it is. */
export function selfOf(node: Identity, fields: Partial<Self> = {}): Self {
  return { identity: node, realm: REALM, role: "edge", endpoint: "", ...fields };
}

/** What an edge with this credential or token shows. */
export function guardOf(auth: Parameters<typeof edgeGuard>[0]): Guard {
  return edgeGuard(auth);
}

/** One UDP port for all raw peers of a test file. */
export class Outside implements AsyncDisposable {
  readonly transport: Transport = createQuicTransport();
  readonly #open: Connection[] = [];

  /** A connection on which nothing was said. */
  async dial(gateway: Gateway): Promise<Connection> {
    const { publicKey, addresses } = parseTicket(gateway.ticket);
    const connection = await this.transport.dial({ address: addresses[0]!, expect: { kind: "key", publicKey } });
    this.#open.push(connection);
    return connection;
  }

  /** Its first stream. */
  async talk(gateway: Gateway): Promise<Talker> {
    return await Talker.dial(await this.dial(gateway));
  }

  /** A welcomed connection, of which the test holds the streams. */
  async welcomed(gateway: Gateway, self: Self): Promise<Established> {
    const node = nodeIdOf(parseTicket(gateway.ticket).publicKey), connection = await this.dial(gateway);
    const shared = { self, timers: systemTimers(), random: systemRandom() };
    return await establish(connection, { ...shared, expected: node, dialled: node });
  }

  /** A hub that is none: it says what `script` says to whoever dials the ticket. */
  async rogue(
    node: Identity,
    script: (talker: Talker) => Promise<void>,
  ): Promise<{ ticket: string; close(): Promise<void> }> {
    const transport = createQuicTransport();
    const tls = await issueLeaf(node, { realm: parseRealm(REALM), hosts: ["127.0.0.1"], now: Date.now() });
    const listener = await transport.listen({
      address: { hostname: "127.0.0.1", port: 0 },
      tls,
      onConnection: (connection) => void Talker.answer(connection).then(script).catch(() => {}),
    });
    const addresses = [{ hostname: "127.0.0.1", port: listener.address.port }];
    const ticket = formatTicket({ realm: parseRealm(REALM), publicKey: node.publicKey, addresses });
    return { ticket, close: () => transport.close() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#open) connection.close(0, "done");
    await this.transport.close();
  }
}

/** What must not succeed, and the error that its user sees. */
export interface Attempt {
  readonly name: string;
  readonly code: string;
  /** The whole sentence, or what it must look like where it holds a time or an id. */
  readonly text: string | RegExp;
  run(): Promise<unknown>;
}

/** Makes every attempt, each as a step of its own; a mesh that came about is closed. */
export async function mustFail(t: Deno.TestContext, attempts: readonly Attempt[]): Promise<void> {
  for (const { name, code, text, run } of attempts) {
    await t.step(name, async () => {
      const error = await soon(run().then(refuted, (error) => error), name);
      assert.equal(error?.code, code, `${error?.stack}`);
      if (typeof text === "string") assert.equal(error.message, text);
      else assert.match(error.message, text);
    });
  }
}

async function refuted(value: unknown): Promise<Error> {
  await (value as Partial<Mesh> | undefined)?.close?.();
  return new Error("the attempt succeeded");
}

/** The refusal that a raw peer reads, as an error. */
export async function refusalOf(talker: Talker): Promise<never> {
  const heard = await talker.hear(), message = heard?.message;
  if (message?.kind !== "refused") throw new Error(`refused expected, got ${message?.kind}`);
  throw Object.assign(new Error(message.text), { code: message.code });
}
