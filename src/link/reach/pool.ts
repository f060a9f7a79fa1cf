/**
 * The links between hubs. They come and go as they are needed: one that nobody uses is closed by the end that dialled
 * it, of too many the one that was not used for the longest goes, and of two between the same hubs the one dialled by
 * the smaller id stays.
 *
 * @module
 */

import type { Timers } from "../../base/clock.ts";
import type { NodeId } from "../../identity/mod.ts";
import type { Link } from "../link.ts";

/** Links to hubs (DESIGN section 9), and how long one is kept that nobody uses, ms. */
export const POOLED_LINKS_MAX = 1_000, POOL_IDLE_MS = 120_000;
/** How often it is looked which links were used, in one idle time. */
const LOOKS_PER_IDLE = 4;

/** Settings of a pool. */
export interface PoolOptions {
  readonly timers: Timers;
  readonly linksMax?: number;
  readonly idleMs?: number;
  /** Whether links to a node are kept while nobody uses them, and go last. */
  readonly isKept: (node: NodeId) => boolean;
}

interface Use {
  /** What the link's counter said when it was looked at. */
  uses: number;
  /** When it was seen to be used, ms. */
  at: number;
}

/** Keeps links between hubs within bounds. */
export class Pool {
  readonly #options: Required<PoolOptions>;
  readonly #links = new Map<Link, Use>();
  #cancel: (() => void) | undefined;

  constructor({ linksMax = POOLED_LINKS_MAX, idleMs = POOL_IDLE_MS, ...options }: PoolOptions) {
    this.#options = { linksMax, idleMs, ...options };
  }

  /** How many links it holds. */
  get size(): number {
    return this.#links.size;
  }

  /** Takes a new link; another one goes where there are too many. */
  add(link: Link): void {
    this.#links.set(link, { uses: link.uses, at: this.#options.timers.now() });
    if (this.#links.size > this.#options.linksMax) this.#closeOne(link);
    this.#watch();
  }

  /** Forgets a link that has ended. */
  remove(link: Link): void {
    this.#links.delete(link);
    if (this.#links.size === 0) this.close();
  }

  /** Watches no more. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #watch(): void {
    const { timers, idleMs } = this.#options;
    this.#cancel ??= timers.after(idleMs / LOOKS_PER_IDLE, () => {
      this.#cancel = undefined;
      this.#look();
      if (this.#links.size > 0) this.#watch();
    });
  }

  #look(): void {
    const { timers, idleMs, isKept } = this.#options, now = timers.now();
    for (const [link, use] of [...this.#links]) {
      refresh(link, use, now);
      if (now - use.at >= idleMs && link.dialled && !isKept(link.peer.node)) this.#closeLink(link, "idle");
    }
  }

  /** Of the links but `newest`, the one that was not used for the longest. */
  #closeOne(newest: Link): void {
    const { timers, isKept } = this.#options, now = timers.now();
    let oldest: Link | undefined, rank = Infinity;
    for (const [link, use] of this.#links) {
      refresh(link, use, now);
      const one = use.at + (isKept(link.peer.node) ? now : 0); // behind all others
      if (link === newest || one >= rank) continue;
      oldest = link;
      rank = one;
    }
    if (oldest !== undefined) this.#closeLink(oldest, "too many links");
  }

  #closeLink(link: Link, reason: string): void {
    this.#links.delete(link); // closing takes a while, and it counts no more
    link.close(reason).catch(() => {});
  }
}

/**
 * Of the links between two hubs those that this end is to close: whoever dialled a link that is one too many closes it,
 * as it alone knows that both are up. A hub that was restarted so keeps its new link, whatever the other end still holds.
 */
export function surplus(own: NodeId, links: readonly Link[]): Link[] {
  const open = links.filter((link) => link.open), [first] = open;
  if (first === undefined || open.length < 2) return [];
  const ours = open.filter(({ dialled }) => dialled), theirs = open.length - ours.length;
  return own > first.peer.node && theirs > 0 ? ours : ours.slice(1);
}

function refresh(link: Link, use: Use, now: number): void {
  if (use.uses === link.uses) return;
  use.uses = link.uses;
  use.at = now;
}
