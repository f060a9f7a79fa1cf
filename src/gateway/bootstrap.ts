/**
 * The gateways that a gateway was told of: it stays linked with each of them, over whichever link there is, and dials
 * for ever where there is none.
 *
 * @module
 */

import { MeshError } from "../base/errors.ts";
import { type NamedTarget, parseTarget } from "../edge/targets.ts";
import type { NodeId } from "../identity/mod.ts";
import { Attachment, type Target } from "../link/attachment.ts";
import type { Established } from "../link/establish.ts";
import type { Dialler } from "../link/reach/dial.ts";
import type { Logger } from "../mesh/options.ts";

/** Gateways that one may be told of. */
export const BOOTSTRAP_MAX = 64;

/** What a bootstrap is made with. */
export interface BootstrapOptions extends Dialler {
  /** Tickets and URLs. */
  readonly names: readonly string[];
  /** Gets a text over HTTP. */
  readonly fetchText: (url: string) => Promise<string>;
  readonly logger: Logger;
  /** Whether there is a link to a node. */
  readonly isLinked: (node: NodeId) => boolean;
  /** A node is one of those to stay linked with. */
  readonly onKnown: (node: NodeId) => void;
  /** One of them has welcomed us. */
  readonly onEstablished: (established: Established) => void;
}

/** One of the gateways. */
interface Entry {
  readonly name: string;
  readonly target: NamedTarget;
  readonly attachment: Attachment;
  node: NodeId | undefined;
  /** The code of what went wrong last, so that it is told once. */
  told: string | undefined;
}

/** There is nothing to dial: we are linked already, or are that gateway ourselves. */
class NothingToDo extends MeshError {
  constructor() {
    super("nothing_to_do", "Cannot attach: there is no need to");
  }
}

/** Keeps the links to given gateways. */
export class Bootstrap {
  readonly #options: BootstrapOptions;
  readonly #entries: readonly Entry[];
  #isClosed = false;

  /** Throws `ValidationError` on a name that is neither a ticket nor a URL. */
  constructor(options: BootstrapOptions) {
    this.#options = options;
    const { names, fetchText, caCerts } = options;
    this.#entries = [...new Set(names)].map((name) => this.#entry(name, parseTarget(name, { fetchText, caCerts })));
  }

  /** Begins to dial. */
  start(): void {
    for (const { attachment } of this.#entries) attachment.wake();
  }

  /** The last link to a node is gone. */
  unlinked(node: NodeId): void {
    if (this.#isClosed) return;
    for (const entry of this.#entries) if (entry.node === node) entry.attachment.wakeSoon();
  }

  /** Dials no more. */
  close(): void {
    this.#isClosed = true;
    for (const { attachment } of this.#entries) attachment.close();
  }

  #entry(name: string, target: NamedTarget): Entry {
    const { onEstablished, names: _, ...dialler } = this.#options;
    const attachment: Attachment = new Attachment({
      ...dialler,
      random: dialler.random.fork(name),
      targets: () => this.#targets(entry),
      onEstablished: (established) => {
        entry.told = undefined;
        this.#isNode(entry, established.peer.node);
        onEstablished(established);
      },
      onFailure: (error, retryMs) => this.#failed(entry, error, retryMs),
    });
    const entry: Entry = { name, target, attachment, node: undefined, told: undefined };
    return entry;
  }

  async #targets(entry: Entry): Promise<readonly Target[]> {
    const { self, isLinked } = this.#options, target = await entry.target.resolve();
    if (target.node !== undefined) this.#isNode(entry, target.node);
    if (entry.node !== undefined && (entry.node === self.identity.id || isLinked(entry.node))) throw new NothingToDo();
    return [target];
  }

  #isNode(entry: Entry, node: NodeId): void {
    entry.node = node;
    this.#options.onKnown(node);
  }

  #failed(entry: Entry, error: MeshError, retryMs: number): void {
    const { logger } = this.#options, { code, message: text } = error;
    if (error instanceof NothingToDo) return entry.attachment.rest(); // woken when the link is lost
    if (code === "self") return entry.attachment.close();
    if (entry.told === code) return; // the text may hold a time
    entry.told = code;
    logger.warn("cannot join a gateway, trying again", { gateway: entry.name, code, text, retry: Math.round(retryMs) });
  }
}
