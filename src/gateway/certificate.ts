/** The certificate that a gateway shows: issued by its own key and replaced at half its life, or given as files. @module */

import type { Timers } from "../base/clock.ts";
import { type Identity, issueLeaf, type Leaf, leafIsFresh, readLeaf } from "../identity/mod.ts";
import type { TlsIdentity } from "../transport/transport.ts";

/** Keeps a certificate over a restart. */
export interface CertificateStore {
  /** What was saved last; undefined if nothing was. */
  load(): Promise<string | undefined>;
  /** Keeps a text, which holds a private key. */
  save(text: string): Promise<void>;
}

/** What a certificate is issued for. */
export interface CertificateOptions {
  readonly identity: Identity;
  readonly realm: string;
  readonly hosts: readonly string[];
  readonly timers: Timers;
  readonly store?: CertificateStore | undefined;
  /** Issues it; default `issueLeaf`. */
  readonly certify?: typeof issueLeaf | undefined;
  /** A chain and key of a real CA instead. */
  readonly given?: TlsIdentity | undefined;
}

/** How often it is looked at, ms. */
const LOOK_MS = 3_600_000;

interface Stored {
  readonly node: string;
  readonly realm: string;
  readonly hosts: readonly string[];
  readonly cert: string;
  readonly key: string;
}

/** A gateway's certificate over time. */
export class GatewayCertificate {
  readonly #options: CertificateOptions;
  #leaf: Leaf;
  #cancel: () => void = () => {};

  private constructor(options: CertificateOptions, leaf: Leaf) {
    this.#options = options;
    this.#leaf = leaf;
  }

  /** The stored one if it fits and is fresh, else a new one. */
  static async open(options: CertificateOptions): Promise<GatewayCertificate> {
    const { given, timers } = options;
    if (given !== undefined) return new GatewayCertificate(options, readLeaf(given));
    const stored = await load(options);
    const fresh = stored !== undefined && leafIsFresh(stored, timers.now());
    return new GatewayCertificate(options, fresh ? stored : await issue(options));
  }

  /** What TLS shows now. */
  get tls(): TlsIdentity {
    return { cert: this.#leaf.cert, key: this.#leaf.key };
  }

  /** SHA-256 of the certificate: what browsers pin. */
  get hash(): Uint8Array {
    return this.#leaf.hash;
  }

  /** When it ends, ms. */
  get notAfter(): number {
    return this.#leaf.notAfter;
  }

  /** Replaces it at half its life, and tells. A given one is its owner's to replace. */
  watch(onReplaced: (tls: TlsIdentity) => void, onFailure: (error: unknown) => void): void {
    const { given, timers } = this.#options;
    if (given !== undefined) return;
    const look = async () => {
      try {
        if (!leafIsFresh(this.#leaf, timers.now())) {
          this.#leaf = await issue(this.#options);
          onReplaced(this.tls);
        }
      } catch (error) {
        onFailure(error);
      }
      this.#cancel = timers.after(LOOK_MS, look);
    };
    this.#cancel = timers.after(LOOK_MS, look);
  }

  /** Uses another given one; throws `ValidationError` where it is none. */
  replace(given: TlsIdentity): void {
    this.#leaf = readLeaf(given);
  }

  /** Stops watching. */
  close(): void {
    this.#cancel();
  }
}

async function issue(
  { identity, realm, hosts, timers, store, certify = issueLeaf }: CertificateOptions,
): Promise<Leaf> {
  const leaf = await certify(identity, { realm, hosts, now: timers.now() });
  const stored: Stored = { node: identity.id, realm, hosts, cert: leaf.cert, key: leaf.key };
  await store?.save(JSON.stringify(stored));
  return leaf;
}

/** The stored one, if it is of this node and for these names; anything else is issued anew. */
async function load({ identity, realm, hosts, store }: CertificateOptions): Promise<Leaf | undefined> {
  const text = await store?.load();
  if (text === undefined) return undefined;
  try {
    const stored = JSON.parse(text) as Stored;
    const fits = stored.node === identity.id && stored.realm === realm && stored.hosts.join() === hosts.join();
    return fits ? readLeaf(stored) : undefined;
  } catch {
    return undefined;
  }
}
