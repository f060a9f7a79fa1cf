/** The certificate that a gateway shows: issued by its own key and replaced at half its life, or given as files. @module */

import type { Timers } from "../base/clock.ts";
import { MeshError } from "../base/errors.ts";
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
/** How soon a failed renewal is tried again, ms; sooner where a certificate lives minutes only. */
const RETRY_MS = 60_000;

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
  #closed = false;

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

  /**
   * Replaces it at half its life, and tells; what cannot be done is tried again long before it ends. A given one is its
   * owner's to replace: what is told then is that it does not hold now.
   */
  watch(onReplaced: (tls: TlsIdentity) => void, onFailure: (error: unknown) => void): void {
    const { given, timers } = this.#options;
    const look = async () => {
      try {
        if (given !== undefined) this.#checkGiven();
        else if (!leafIsFresh(this.#leaf, timers.now())) {
          const leaf = await issue(this.#options);
          if (this.#closed) return;
          this.#leaf = leaf;
          onReplaced(this.tls);
        }
      } catch (error) {
        onFailure(error);
      }
      wait();
    };
    const wait = () => {
      if (!this.#closed) this.#cancel = timers.after(this.#restMs(), look);
    };
    wait();
  }

  /** Until the next look: at half its life, every so often in case the clock is set, and sooner after a failure. */
  #restMs(): number {
    const { notBefore, notAfter } = this.#leaf, { given, timers } = this.#options;
    const toHalfMs = (notBefore + notAfter) / 2 - timers.now();
    if (given !== undefined || toHalfMs > LOOK_MS) return LOOK_MS;
    return toHalfMs > 0 ? toHalfMs + 1 : Math.min(RETRY_MS, (notAfter - notBefore) / 32);
  }

  #checkGiven(): void {
    const { notBefore, notAfter } = this.#leaf, now = this.#options.timers.now();
    if (now >= notBefore && now < notAfter) return;
    const life = `${new Date(notBefore).toISOString()} to ${new Date(notAfter).toISOString()}`;
    throw new MeshError(
      "certificate_not_valid_now",
      `Cannot prove the host name: the certificate must hold now, got ${life}`,
    );
  }

  /** Uses another given one; throws `ValidationError` where it is none. */
  replace(given: TlsIdentity): void {
    this.#leaf = readLeaf(given);
  }

  /** Stops watching. */
  close(): void {
    this.#closed = true;
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
