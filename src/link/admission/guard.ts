/**
 * What a node shows of its right to be in the realm, and what it asks of others: nothing (`open`), that they know the
 * realm's token (`token`), or a credential that the realm's key has signed (`credential`).
 *
 * @module
 */

import { utf8 } from "../../base/bytes.ts";
import { MeshError, ValidationError } from "../../base/errors.ts";
import { checkCredential, type Identity, isSoundPublicKey, readCredential } from "../../identity/mod.ts";

/** Who may join a realm at a gateway. */
export type Admission =
  /** Whoever reaches it: for development. */
  | { readonly mode: "open" }
  /** Who knows the token; it may do everything. */
  | { readonly mode: "token"; readonly token: string }
  /** Who has a credential; it may do what that says. */
  | {
    readonly mode: "credential";
    /** The realm's public key, Ed25519, 32 bytes. */
    readonly realmKey: Uint8Array;
    /** Whether the credential with this id has been revoked; asked often. Default: none is. */
    readonly isRevoked?: (id: string) => boolean;
  };

/** By what a node shows that it belongs: one of them. */
export interface Auth {
  /** The realm's shared secret: at least 128 random bits as 22 characters of base64url or 32 hexadecimal digits. */
  readonly token?: string | undefined;
  /** The same by its name in Macula 0.20. */
  readonly apiKey?: string | undefined;
  /** A credential, or what gives the current one: it is asked at each dial, and before the last one expires. */
  readonly credential?: string | (() => string | undefined) | undefined;
}

/** Both sides of belonging, ready for a handshake. */
export interface Guard {
  readonly mode: Admission["mode"];
  /** The realm's token as a key. */
  readonly secret?: Uint8Array;
  /** The key by which credentials of others are checked; without it, the one that issued our own. */
  readonly realmKey?: Uint8Array;
  /** Our own credential as of now. */
  credential(): string | undefined;
  isRevoked(id: string): boolean;
  /** Whether our own credential may be another one later. */
  readonly renewable?: boolean;
}

/** Shows nothing and asks for nothing. */
export const OPEN: Guard = { mode: "open", credential: () => undefined, isRevoked: () => false };

/** 128 bits: 22 characters of base64url, or 32 hexadecimal digits. */
const TOKEN_CHARACTERS_MIN = 22, TOKEN_HEX_DIGITS_MIN = 32, TOKEN_CHARACTERS_MAX = 1_024;
/** Random characters are not all alike: fewer different ones were typed, not drawn. */
const TOKEN_VARIETY_MIN = 8;

/** A realm's token as the key of its proofs; `doing` begins the error, a `ValidationError` that never repeats it. */
export function parseToken(token: string, doing: string): Uint8Array {
  if (typeof token !== "string") throw new ValidationError(`Cannot ${doing}: a token is a text, got ${typeof token}`);
  const least = /^[0-9a-f]*$/i.test(token) ? TOKEN_HEX_DIGITS_MIN : TOKEN_CHARACTERS_MIN;
  const variety = new Set(token).size;
  const isStrong = token.length >= least && token.length <= TOKEN_CHARACTERS_MAX && variety >= TOKEN_VARIETY_MIN;
  if (isStrong && /^[\x21-\x7e]+$/.test(token)) return utf8(token);
  throw new ValidationError(
    `Cannot ${doing}: a token has at least 128 random bits, 22 characters of base64url or 32 hexadecimal digits, ` +
      `got ${token.length} characters, ${variety} of them different`,
  );
}

/** What an edge shows and asks for; throws `ValidationError`. */
export function edgeGuard(auth: Auth | undefined): Guard {
  const token = tokenOf(auth), { credential } = auth ?? {};
  if (token !== undefined && credential !== undefined) {
    throw new ValidationError("Cannot connect: a token or a credential is shown, got both");
  }
  if (token !== undefined) return { ...OPEN, mode: "token", secret: parseToken(token, "connect") };
  if (credential === undefined) return OPEN;
  if (typeof credential === "string") readOwn(credential, "connect");
  return { ...OPEN, mode: "credential", credential: source(credential), renewable: typeof credential === "function" };
}

/** The realm's secret, by either name. */
function tokenOf({ token, apiKey }: Auth = {}): string | undefined {
  if (token === undefined || apiKey === undefined || token === apiKey) return token ?? apiKey;
  throw new ValidationError("Cannot connect: apiKey is another name of token, got two different ones");
}

/** What a hub shows and asks for; throws `ValidationError`. */
export function hubGuard(
  admission: Admission,
  auth: Auth | undefined,
  { identity, realm, now }: { readonly identity: Identity; readonly realm: string; readonly now: number },
): Guard {
  const doing = "start a gateway";
  switch (admission.mode) {
    case "open":
      return OPEN;
    case "token": {
      if ((tokenOf(auth) ?? admission.token) !== admission.token) {
        throw new ValidationError(`Cannot ${doing}: it shows the token that it asks for, got two different ones`);
      }
      return { ...OPEN, mode: "token", secret: parseToken(admission.token, doing) };
    }
    case "credential": {
      const { realmKey, isRevoked = () => false } = admission, own = source(auth?.credential);
      if (!(realmKey instanceof Uint8Array) || !isSoundPublicKey(realmKey)) {
        const got = realmKey instanceof Uint8Array ? `${realmKey.length} bytes` : typeof realmKey;
        throw new ValidationError(`Cannot ${doing}: admission.realmKey is an Ed25519 public key, got ${got}`);
      }
      const token = own();
      if (token === undefined) {
        throw new ValidationError(
          `Cannot ${doing}: a hub shows a credential too; get one with: macula realm issue --role hub --node ${identity.id}`,
        );
      }
      checked(() => checkCredential(token, { realmKey, realm, node: identity.id, role: "hub", now, isRevoked }), doing);
      const renewable = typeof auth?.credential === "function";
      return { mode: "credential", realmKey, credential: own, isRevoked, renewable };
    }
  }
  throw new ValidationError(
    `Cannot ${doing}: admission.mode is open, token or credential, got ${
      JSON.stringify((admission as Admission).mode)
    }`,
  );
}

/** What our own credential says; throws `ValidationError`. */
function readOwn(token: string, doing: string): void {
  checked(() => readCredential(token), doing);
}

function checked(check: () => unknown, doing: string): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof MeshError)) throw error;
    throw new ValidationError(`Cannot ${doing}: its own credential is not accepted: ${ruleOf(error)}`);
  }
}

/** The rule that a credential breaks, without the beginning of the sentence. */
export function ruleOf(fault: Error): string {
  return fault.message.replace(/^Cannot accept the credential: /, "");
}

function source(credential: Auth["credential"]): () => string | undefined {
  return typeof credential === "function" ? credential : () => credential;
}
