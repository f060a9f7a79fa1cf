/** URIs of nodes: `macula://realm/nodeid`. @module */

import { fromHex, toHex } from "../base/bytes.ts";
import { ValidationError } from "../base/errors.ts";
import { isRealm, type Realm } from "./realm.ts";
import { quote } from "./topic.ts";

/** What a node's URI says. */
export interface NodeUri {
  readonly realm: Realm;
  /** 32 bytes for our nodes; the original also wrote other lengths, 1 to 64 are read. */
  readonly nodeId: Uint8Array;
}

const URI = /^macula:\/\/([^/]+)\/((?:[0-9A-Fa-f]{2}){1,64})$/;

/** Reads `macula://realm/nodeid`, the id as hexadecimal digits. Throws `ValidationError`. */
export function parseUri(text: string): NodeUri {
  const [, realm, nodeId] = URI.exec(text) ?? [];
  if (realm === undefined || nodeId === undefined || !isRealm(realm)) {
    throw new ValidationError(
      `Cannot use as a node's URI: it is macula://realm/ and an even number of hexadecimal digits, got ${quote(text)}`,
    );
  }
  return { realm, nodeId: fromHex(nodeId) };
}

/** Writes `macula://realm/nodeid` with lower-case digits. */
export function formatUri(uri: NodeUri): string {
  return `macula://${uri.realm}/${toHex(uri.nodeId)}`;
}

/** Whether `text` is a node's URI. */
export function isUri(text: string): boolean {
  const realm = URI.exec(text)?.[1];
  return realm !== undefined && isRealm(realm);
}
