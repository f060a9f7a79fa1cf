/**
 * The four messages by which two nodes prove who they are (`mesh/1`). Pure: bytes in, messages or a `HandshakeRefusal`
 * out; `establish.ts` carries them.
 *
 *     dialler                              acceptor
 *       | connect: key, nonce, what was dialled |
 *       |-------------------------------------->|
 *       |   hello: key, nonce, signature over   |
 *       |<--- connect and hello ----------------|
 *       | prove: signature over connect, hello  |
 *       |-------------------------------------->|
 *       |<--------- welcome, or refused --------|
 *
 * What is signed are always the bytes as they were sent, never fields encoded again.
 *
 * @module
 */

import { concatBytes, equalBytes, utf8 } from "../base/bytes.ts";
import {
  type Credential,
  ed25519Verify,
  type Identity,
  isSoundPublicKey,
  type Labels,
  LABELS_BYTES_MAX,
  LABELS_MAX,
  type NodeId,
  nodeIdBytes,
  nodeIdOf,
  parseLabels,
  sha256,
} from "../identity/mod.ts";
import type { Role } from "../base/protocol.ts";
import {
  type Connect,
  decodeValue,
  encodeValue,
  type Hello,
  type Prove,
  type Value,
  type Welcome,
} from "../wire/mod.ts";
import {
  checkDialler,
  checkHub,
  checkWelcome,
  helloFields,
  proveFields,
  type Transcript,
  welcomeFields,
} from "./admission/belonging.ts";
import { type Guard, OPEN } from "./admission/guard.ts";
import { HandshakeRefusal } from "./admission/refusal.ts";

export { HandshakeRefusal };

/** What both ends must speak. */
export const MESH_CAPABILITY = "mesh/1";
/** What a hub says it is. */
export const HUB_CAPABILITY = "hub";
/** Versions of the handshake that this implementation speaks, best first. */
export const VERSIONS: readonly string[] = ["macula/1"];

const NONCE_BYTES = 32;
const decoder = new TextDecoder();
/** What is kept of a peer's words while it is linked; ours says four capabilities. */
const CAPABILITIES_MAX = 32, CAPABILITY_CHARACTERS_MAX = 64, ENDPOINT_CHARACTERS_MAX = 512;
const HELLO_LABEL = utf8("macula/1 hello"), PROVE_LABEL = utf8("macula/1 prove");

/** Who we are in a handshake. */
export interface Self {
  readonly identity: Identity;
  readonly realm: string;
  readonly role: Role;
  /** Where others reach us: `host:port`, or empty. */
  readonly endpoint: string;
  /** What we say of ourselves to those who look for a node; absent: nothing. */
  readonly labels?: Labels | undefined;
  /** What we show of our right to be in the realm, and ask of others; absent: nothing. */
  readonly guard?: Guard;
}

/** Who the other end has proven to be. */
export interface PeerIdentity {
  readonly node: NodeId;
  /** The same as 32 bytes. */
  readonly nodeBytes: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly role: Role;
  readonly capabilities: readonly string[];
  readonly endpoint: string;
  /** What it says of itself, and nobody proves. */
  readonly labels?: Labels | undefined;
  /** What it may do, where the realm asks for credentials. */
  readonly credential?: Credential | undefined;
  /** The realm's public key, as it was proven to an edge. */
  readonly realmKey?: Uint8Array | undefined;
}

/** The dialler's first message. `dialled` is a node id or a host name. */
export function makeConnect(self: Self, dialled: string, nonce: Uint8Array): Connect {
  return {
    kind: "connect",
    version: "1.0",
    nodeId: self.identity.idBytes,
    realmId: self.realm,
    capabilities: capabilitiesOf(self),
    endpoint: self.endpoint,
    publicKey: self.identity.publicKey,
    nonce,
    dialled,
    versions: VERSIONS,
    ...self.labels === undefined ? {} : { labels: JSON.stringify(self.labels) },
  };
}

/** Checks the first message at the acceptor, before anything is signed. `names` are the host names it answers to. */
export function checkConnect(self: Self, connect: Connect, names: ReadonlySet<string>): PeerIdentity {
  if (!connect.capabilities.includes(MESH_CAPABILITY)) {
    throw new HandshakeRefusal(
      "legacy_not_allowed",
      `Cannot connect: this gateway serves ${MESH_CAPABILITY} peers only`,
    );
  }
  const { publicKey, nonce, versions = [], dialled = "" } = connect;
  if (!versions.some((version) => VERSIONS.includes(version))) {
    const text = `Cannot connect: no common version, this node speaks ${VERSIONS.join(", ")}, got ${shown(versions)}`;
    throw new HandshakeRefusal("no_common_version", text);
  }
  const node = provenId(publicKey);
  if (node === undefined || !equalBytes(connect.nodeId, nodeIdBytes(node))) {
    throw new HandshakeRefusal("bad_identity", "Cannot connect: the node id must be the SHA-256 of a sound public key");
  }
  if (nonce === undefined || nonce.length !== NONCE_BYTES) {
    throw new HandshakeRefusal("bad_nonce", `Cannot connect: the nonce has ${NONCE_BYTES} bytes`);
  }
  const labels = checkTerms(connect.capabilities, connect.endpoint ?? "", connect.labels);
  if (connect.realmId !== self.realm) {
    throw new HandshakeRefusal(
      "wrong_realm",
      `Cannot connect: the gateway serves another realm than ${shown([connect.realmId])}; its ticket names it`,
    );
  }
  if (dialled !== self.identity.id && !names.has(dialled.toLowerCase())) {
    throw new HandshakeRefusal("wrong_name", `Cannot connect: this node does not answer to ${shown([dialled])}`);
  }
  if (node === self.identity.id) throw new HandshakeRefusal("self", "Cannot connect: a node does not link to itself");
  return { ...peerOf(node, publicKey!, connect.capabilities, connect.endpoint ?? ""), labels };
}

/** The acceptor's proof. `connectPayload` is the payload of the connect frame as it came. */
export function makeHello(self: Self, connectPayload: Uint8Array, nonce: Uint8Array): Hello {
  const fields: [string, Value][] = [
    ["public_key", self.identity.publicKey],
    ["nonce", nonce],
    ["realm", self.realm],
    ["capabilities", capabilitiesOf(self)],
    ["endpoint", self.endpoint],
    ...self.labels === undefined ? [] : [["labels", JSON.stringify(self.labels)] satisfies [string, Value]],
    ...helloFields(guardOf(self)),
  ];
  const body = encodeValue(new Map(fields));
  const signature = self.identity.sign(concatBytes(HELLO_LABEL, sha256(connectPayload), body));
  return { kind: "hello", version: VERSIONS[0]!, body, signature };
}

/** What the dialler knows when hello comes. */
export interface HelloContext {
  readonly connectPayload: Uint8Array;
  /** The node that was dialled, if it is known. */
  readonly expected: NodeId | undefined;
  /** Wall time, ms. */
  readonly now: number;
}

/** Checks the acceptor's proof at the dialler; `expected` is the node that was dialled, if it is known. */
export function checkHello(
  self: Self,
  hello: Hello,
  { connectPayload, expected, now }: HelloContext,
): PeerIdentity {
  const body = decodeValue(hello.body);
  const field = (name: string) => body instanceof Map ? body.get(name) as Value | undefined : undefined;
  const publicKey = field("public_key"), nonce = field("nonce"), listed = field("capabilities");
  const node = publicKey instanceof Uint8Array ? provenId(publicKey) : undefined;
  if (!VERSIONS.includes(hello.version)) {
    const text = `Cannot use the hub: no common version, this node speaks ${VERSIONS.join(", ")}, got ${
      shown([hello.version])
    }`;
    throw new HandshakeRefusal("no_common_version", text);
  }
  if (node === undefined || !(nonce instanceof Uint8Array)) {
    throw new HandshakeRefusal("bad_hello", "Cannot trust the hub: its hello is incomplete");
  }
  const key = publicKey as Uint8Array;
  if (!ed25519Verify(key, concatBytes(HELLO_LABEL, sha256(connectPayload), hello.body), hello.signature)) {
    throw new HandshakeRefusal("bad_signature", "Cannot trust the hub: its signature is wrong");
  }
  if (expected !== undefined && node !== expected) {
    throw new HandshakeRefusal("wrong_node", `Cannot trust the hub: node ${expected} was dialled, ${node} answered`);
  }
  if (textOf(field("realm")) !== self.realm) {
    throw new HandshakeRefusal("wrong_realm", `Cannot use the hub: it serves another realm than ${self.realm}`);
  }
  const capabilities = Array.isArray(listed) ? (listed as readonly Value[]).map(textOf) : [];
  if (!capabilities.includes(HUB_CAPABILITY)) {
    throw new HandshakeRefusal("not_a_hub", `Cannot attach: node ${node} is no hub`);
  }
  const said = field("labels");
  const labels = checkTerms(capabilities, textOf(field("endpoint")), said === undefined ? undefined : textOf(said));
  const offered = { credential: textOf(field("credential")), realmKey: field("realm_key") };
  const standing = checkHub(guardOf(self), offered, { realm: self.realm, node, role: "hub", now });
  return { ...peerOf(node, key, capabilities, textOf(field("endpoint"))), labels, ...standing };
}

/** The dialler's proof. */
export function makeProve(self: Self, connectPayload: Uint8Array, helloPayload: Uint8Array): Prove {
  const signature = self.identity.sign(proveText(connectPayload, helloPayload));
  return { kind: "prove", signature, ...proveFields(guardOf(self), { connectPayload, helloPayload }) };
}

/** Checks at the acceptor who the dialler is, then whether it belongs; returns the peer with what it may do. */
export function checkProve(
  self: Self,
  peer: PeerIdentity,
  prove: Prove,
  { connectPayload, helloPayload, now }: Transcript & { readonly now: number },
): PeerIdentity {
  if (!ed25519Verify(peer.publicKey, proveText(connectPayload, helloPayload), prove.signature)) {
    throw new HandshakeRefusal("bad_signature", "Cannot connect: the proof of identity is wrong");
  }
  const guard = guardOf(self), { node, role } = peer, shown = { realm: self.realm, node, role, now };
  const credential = checkDialler(guard, prove, { connectPayload, helloPayload }, shown);
  return credential === undefined ? peer : { ...peer, credential, realmKey: guard.realmKey };
}

/** What welcome says of the acceptor's own right. */
export function makeWelcomeProof(self: Self, transcript: Transcript): Pick<Welcome, "tokenProof"> {
  return welcomeFields(guardOf(self), transcript);
}

/** Checks it at the dialler. */
export function checkWelcomeProof(self: Self, welcome: Welcome, transcript: Transcript): void {
  checkWelcome(guardOf(self), welcome, transcript);
}

function guardOf(self: Self): Guard {
  return self.guard ?? OPEN;
}

function proveText(connectPayload: Uint8Array, helloPayload: Uint8Array): Uint8Array {
  return concatBytes(PROVE_LABEL, sha256(connectPayload), sha256(helloPayload));
}

function capabilitiesOf(self: Self): string[] {
  const capabilities = ["pubsub", "rpc", MESH_CAPABILITY];
  return self.role === "hub" ? [...capabilities, HUB_CAPABILITY] : capabilities;
}

function peerOf(node: NodeId, publicKey: Uint8Array, capabilities: readonly string[], endpoint: string): PeerIdentity {
  const role = capabilities.includes(HUB_CAPABILITY) ? "hub" : "edge";
  return { node, nodeBytes: nodeIdBytes(node), publicKey: publicKey.slice(), role, capabilities, endpoint };
}

/** What is kept for the life of the link is short; returns the labels. */
function checkTerms(capabilities: readonly string[], endpoint: string, said: string | undefined): Labels | undefined {
  const isLong = capabilities.some((one) => one.length > CAPABILITY_CHARACTERS_MAX), labels = parseLabels(said);
  if (labels === "bad") {
    throw new HandshakeRefusal(
      "bad_terms",
      `Cannot connect: labels are a JSON object of at most ${LABELS_MAX} texts and ${LABELS_BYTES_MAX} bytes`,
    );
  }
  if (capabilities.length <= CAPABILITIES_MAX && !isLong && endpoint.length <= ENDPOINT_CHARACTERS_MAX) return labels;
  throw new HandshakeRefusal(
    "bad_terms",
    `Cannot connect: at most ${CAPABILITIES_MAX} capabilities of ${CAPABILITY_CHARACTERS_MAX} characters and an endpoint ` +
      `of ${ENDPOINT_CHARACTERS_MAX} are expected, got ${capabilities.length} and one of ${endpoint.length}`,
  );
}

/** The id of a public key that somebody can hold. */
function provenId(publicKey: Uint8Array | undefined): NodeId | undefined {
  return publicKey !== undefined && isSoundPublicKey(publicKey) ? nodeIdOf(publicKey) : undefined;
}

function textOf(value: Value | undefined): string {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? decoder.decode(value) : "";
}

function shown(texts: readonly string[]): string {
  return texts.length === 0 ? "none" : texts.slice(0, 8).map((text) => JSON.stringify(text.slice(0, 80))).join(", ");
}
