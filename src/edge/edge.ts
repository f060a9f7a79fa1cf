/** An edge: a mesh handle that keeps itself attached to a hub. @module */

import type { MeshError } from "../base/errors.ts";
import { within } from "../base/clock.ts";
import { DialError } from "../transport/transport.ts";
import { Attachment, isFinal, type Target } from "../link/attachment.ts";
import type { Dialler } from "../link/reach/dial.ts";
import type { Established } from "../link/establish.ts";
import type { Link, LinkEnd } from "../link/link.ts";
import { formatTicket, parseRealm } from "../names/mod.ts";
import { Mesh, type MeshOptions } from "../mesh/mesh.ts";

/** What an edge is made with. */
export interface EdgeOptions extends MeshOptions {
  readonly targets: () => Promise<readonly Target[]> | readonly Target[];
  /** CAs (PEM) for gateways known by host name. */
  readonly caCerts: readonly string[] | undefined;
  /** Makes a link of a connection; default the handshake of `mesh/1`. */
  readonly establish?: Dialler["establish"];
}

/** A node that only dials. */
export class Edge extends Mesh {
  readonly #attachment: Attachment;
  #uplink: Link | undefined;
  #ticket: string | undefined;
  #lastError: MeshError | undefined;
  #final: ((error: MeshError) => void) | undefined;
  #leaving = false;

  /** Use `connect`. */
  constructor(options: EdgeOptions) {
    super(options);
    const { targets, caCerts, self, runtime, establish } = options;
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
    return this.#ticket;
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
    const late = () =>
      this.#lastError ?? new DialError("unreachable", `Cannot connect: no welcome within ${timeoutMs} ms`);
    try {
      signal?.throwIfAborted();
      await (timeoutMs === Infinity ? promise : within(this.runtime.timers, timeoutMs, promise, late));
    } finally {
      this.#final = undefined;
      this.removeEventListener("statuschange", onStatus);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  protected override uplink(): Link | undefined {
    return this.#uplink;
  }

  protected override linkUp(link: Link): void {
    this.#uplink = link;
    const { publicKey } = link.peer;
    // A gateway of Macula 0.20 has none: nobody could verify it by a ticket.
    if (publicKey.length > 0) {
      this.#ticket = formatTicket({ realm: parseRealm(this.realm), publicKey, addresses: [link.remote] });
    }
    super.linkUp(link);
    this.setStatus("connected");
  }

  protected override linkDown(link: Link, end: LinkEnd): void {
    super.linkDown(link, end);
    if (this.#uplink === link) this.#uplink = undefined;
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
    this.#attachment.close();
    return Promise.resolve();
  }

  #established(established: Established): void {
    this.node.links.add(established);
  }

  #failed(error: MeshError, retryMs: number): void {
    this.#lastError = error;
    this.logger.info("cannot attach, trying again", {
      code: error.code,
      text: error.message,
      retry: Math.round(retryMs),
    });
    if (isFinal(error)) this.#final?.(error);
  }
}
