/**
 * Who a node is: its Ed25519 key, the id that follows from it, and the certificates by which TLS proves it.
 *
 * @module
 */

export * from "./certificate.ts";
export * from "./credential.ts";
export * from "./credential_issuer.ts";
export * from "./crypto.ts";
export * from "./keys.ts";
export * from "./labels.ts";
export * from "./node_id.ts";
export * from "./realm_key.ts";
export * from "./record.ts";
export * from "./record_verifier.ts";
