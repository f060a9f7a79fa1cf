/**
 * Signatures over one event, in 96 bytes: the signer's public key, then Ed25519 over
 *
 *     label 0 realm 0 topic 0 at 0 encoding 0 message-id publisher SHA-256(payload) SHA-256(headers)
 *
 * with the label `macula/1 event` by the publisher, and `macula/1 origin` by the hub that the publisher is attached to,
 * where the event goes on to another hub.
 *
 * @module
 */

import { concatBytes, utf8 } from "../../base/bytes.ts";
import {
  ed25519Verify,
  type Identity,
  isSoundPublicKey,
  type NodeId,
  nodeIdOf,
  PUBLIC_KEY_BYTES,
  sha256,
  SIGNATURE_BYTES,
} from "../../identity/mod.ts";
import type { Publish } from "../../wire/mod.ts";

/** By what is known who published an event; see docs/SECURITY.md. */
export type Proof = "claimed" | "link" | "hub" | "signature";

/** Who signs. */
export type Signer = "event" | "origin";

/** A public key and a signature. */
export const PROOF_BYTES = PUBLIC_KEY_BYTES + SIGNATURE_BYTES;
const NOBODY: Readonly<Uint8Array> = new Uint8Array(32);

/** The proof of an event by its publisher, or by the publisher's hub. */
export function signEvent(identity: Identity, signer: Signer, realm: string, publish: Publish): Uint8Array {
  return concatBytes(identity.publicKey, identity.sign(signedText(signer, realm, publish)));
}

/** Who made the proof; undefined where it is none. */
export function signerOf(proof: Uint8Array, signer: Signer, realm: string, publish: Publish): NodeId | undefined {
  const publicKey = proof.subarray(0, PUBLIC_KEY_BYTES), signature = proof.subarray(PUBLIC_KEY_BYTES);
  if (proof.length !== PROOF_BYTES || !isSoundPublicKey(publicKey)) return undefined;
  return ed25519Verify(publicKey, signedText(signer, realm, publish), signature) ? nodeIdOf(publicKey) : undefined;
}

function signedText(signer: Signer, realm: string, publish: Publish): Uint8Array {
  const { topic, at = "", encoding = "", messageId, publisher, payload, headers = "" } = publish;
  const head = utf8(`macula/1 ${signer}\0${realm}\0${topic}\0${at}\0${encoding}\0`);
  return concatBytes(head, messageId, publisher ?? NOBODY, sha256(payload), sha256(utf8(headers)));
}
