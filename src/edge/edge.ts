/** An edge: a mesh handle that keeps itself attached to a hub. @module */

import { type MeshError, RefusedError } from "../base/errors.ts";
import { within } from "../base/clock.ts";
import type { Peer } from "../base/protocol.ts";
import { DialError } from "../transport/transport.ts";
import { Attachment, isFinal, type Target } from "../link/attachment.ts";
import type { Dialler } from "../link/reach/dial.ts";
import type { Established } from "../link/establish.ts";
import type { Link, LinkEnd } from "../link/link.ts";
import { formatEndpoint, formatTicket, parseRealm } from "../names/mod.ts";
import { Mesh, type MeshOptions } from "../mesh/mesh.ts";
import type { Stats } from "../mesh/options.ts";

/** How long a hub may take to confirm what it is told anew, ms: it waits 3 s itself, for those who keep records. */
const RESTORE_MS = 5_000;

/** What an edge is made with. */
export interface EdgeOptions extends MeshOptions {
  readonly targets: () => Promise<readonly Target[]> | readonly Target[];
  /** CAs (PEM) for gateways known by host name. */
  readonly caCerts: readonly string[] | undefined;
  /** Makes a link of a connection; default the handshake of `mesh/1`. */
  readonly establish?: Dialler["establish"];
  /** Events that were lost on links that it made, as far as is known. */
  readonly unconfirmed?: () => number;
}

/** How often an edge that was turned away looks whether its credential is another one by now, ms. */
export const CREDENTIAL_LOOK_MS = 2_000;

/** A node that only dials. */
export class Edge extends Mesh {
  readonly #attachment: Attachment;
  #uplink: Link | undefined;
  /** The latest hub that a ticket can name. */
  #hub: Pick<Link, "peer" | "remote"> | undefined;
  #lastError: MeshError | undefined;
  #final: ((error: MeshError) => void) | undefined;
  #leaving = false;
  /** What the hub has confirmed, of the latest link. */
  readonly #restored = new Set<string>();
  #restoredBy: Peer | undefined;
  #cancelRestoring: () => void = () => {};
  /** The code of the refusal that was told, so that it is told once. */
  #told: string | undefined;
  #cancelLook: () => void = () => {};
  readonly #lost: () => number;

  /** Use `connect`. */
  constructor(options: EdgeOptions) {
    super(options);
    const { targets, caCerts, self, runtime, establish, unconfirmed = () => 0 } = options;
    this.#lost = unconfirmed;
    this.#attachment = new Attachment({
      targets,
      caCerts,
      establish,
      self,
      transport: runtime.transport,
      timers: runtime.timers,
      random: runtime.random.fork("attachment"),
      onEstablished: (established) => this.#established(established),
      onFailure: (error, retryMs) => this.#failed(error, retryMs),
    });
  }

  override get ticket(): string | undefined {
    if (this.#hub === undefined) return undefined;
    const { peer: { publicKey }, remote } = this.#hub;
    return formatTicket({ realm: parseRealm(this.realm), publicKey, addresses: [remote] });
  }

  /** The counters since the start. */
  override stats(): Stats {
    const stats = super.stats(), { messages } = stats;
    return { ...stats, messages: { ...messages, unconfirmed: messages.unconfirmed + this.#lost() } };
  }

  /**
   * Attaches for the first time. Rejects after `timeoutMs` with what went wrong last, and at once where trying again
   * cannot help.
   */
  async attach(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onStatus = () => this.status === "connected" && resolve();
    const onAbort = () => reject(signal?.reason);
    this.#final = reject;
    this.addEventListener("statuschange", onStatus);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#attachment.wake();
    const late = () => this.#lastError ?? this.#unwelcome(timeoutMs);
    try {
      signal?.throwIfAborted();
      await (timeoutMs === Infinity ? promise : within(this.runtime.timers, timeoutMs, promise, late));
    } finally {
      this.#final = undefined;
      this.removeEventListener("statuschange", onStatus);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #unwelcome(timeoutMs: number): DialError {
    const { towards } = this.#attachment, where = towards === undefined ? "" : ` to ${formatEndpoint(towards)}`;
    const text = `Cannot connect${where}: a gateway must welcome this node within ${timeoutMs} ms, got no answer`;
    return new DialError("unreachable", text);
  }

  protected override uplink(): Link | undefined {
    return this.#uplink;
  }

  protected override linkUp(link: Link): void {
    this.#uplink = link;
    const { peer, remote } = link;
    // A gateway of Macula 0.20 has no key: nobody could verify it by a ticket.
    if (peer.publicKey.length > 0) this.#hub = { peer, remote };
    super.linkUp(link);
    this.#cancelRestoring();
    if (this.#isRestored(link)) return this.setStatus("connected");
    this.#cancelRestoring = this.runtime.timers.after(RESTORE_MS, () => {
      if (this.#uplink === link) this.setStatus("connected");
    });
  }

  /** An edge is connected when its hub knows what it wants and serves: at once where that is nothing. */
  protected override restored(what: "pubsub" | "rpc", hub: Peer): void {
    if (this.#restoredBy !== hub) this.#restored.clear();
    this.#restoredBy = hub;
    this.#restored.add(what);
    const link = this.#uplink;
    if (link === undefined || !this.#isRestored(link)) return;
    this.#cancelRestoring();
    this.setStatus("connected");
  }

  protected override linkDown(link: Link, end: LinkEnd): void {
    super.linkDown(link, end);
    if (this.#uplink === link) this.#uplink = undefined;
    if (this.#uplink === undefined) this.#cancelRestoring();
    if (this.#leaving) return;
    this.setStatus("degraded");
    this.logger.info("the link to the hub is lost, attaching again", { code: end.code, text: end.text });
    this.#attachment.wakeSoon();
  }

  protected override goingAway(link: Link, reason: string): void {
    super.goingAway(link, reason);
    this.setStatus("degraded");
  }

  protected override closing(): Promise<void> {
    this.#leaving = true;
    this.#cancelRestoring();
    this.#cancelLook();
    this.#attachment.close();
    return Promise.resolve();
  }

  #isRestored({ id }: Link): boolean {
    return this.#restoredBy === id && this.#restored.has("pubsub") && this.#restored.has("rpc");
  }

  #established(established: Established): void {
    this.#told = undefined;
    this.#cancelLook();
    this.node.links.add(established);
  }

  #failed(error: MeshError, retryMs: number): void {
    const { code, message: text } = error, retry = Math.round(retryMs);
    this.#lastError = error;
    if (!isFinal(error)) return this.logger.info("cannot attach, trying again", { code, text, retry });
    if (this.#final !== undefined) return this.#final(error);
    if (this.#told === code) return; // the text may hold a time
    this.#told = code;
    this.logger.error("the hub does not let this node in again", { code, text });
    if (error instanceof RefusedError) this.tell("turnedaway", { code, text });
    this.#lookForCredential(this.self.guard?.credential());
  }

  /** Whoever renews it should not wait for the next attempt. */
  #lookForCredential(shown: string | undefined): void {
    const { guard } = this.self;
    if (guard?.renewable !== true) return;
    this.#cancelLook();
    this.#cancelLook = this.runtime.timers.after(CREDENTIAL_LOOK_MS, () => {
      const credential = guard.credential();
      if (credential !== shown) this.#attachment.wake();
      this.#lookForCredential(credential);
    });
  }
}
