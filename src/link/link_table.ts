/** All links of a node: by id and by node, with the bounds on who may come in. @module */

import type { Timers } from "../base/clock.ts";
import type { Peer } from "../base/protocol.ts";
import type { Random } from "../base/random.ts";
import type { NodeId } from "../identity/mod.ts";
import { networkOf } from "../names/address.ts";
import type { Connection } from "../transport/transport.ts";
import { Throttle } from "./admission/throttle.ts";
import type { OutgoingBudget } from "./budget.ts";
import { Decoder } from "../wire/mod.ts";
import { accept, type Door, type Established, type Stranger } from "./establish.ts";
import type { PeerIdentity, Self } from "./handshake.ts";
import { Link, type LinkOwner } from "./link.ts";
import type { QueueLimits } from "./link_writer.ts";
import { RateLimit } from "./rate_limit.ts";

/** Bounds on links; the defaults are those of DESIGN section 9. */
export interface LinkLimits {
  readonly clientsMax: number;
  /** Connections that have not been welcomed yet. */
  readonly unwelcomedMax: number;
  readonly perAddressPerSecond: number;
  readonly perAddressBurst: number;
  readonly frameBytesMax: number;
  readonly subscriptionsPerClientMax: number;
  /** What one client may send on average; over it reading from it pauses. */
  readonly framesPerClientPerSecond: number;
  readonly bytesPerClientPerSecond: number;
  readonly queue: QueueLimits;
}

/** What a table is made with. */
export interface LinkTableOptions {
  readonly self: Self;
  readonly timers: Timers;
  readonly random: Random;
  readonly limits: LinkLimits;
  readonly budget: OutgoingBudget;
  readonly owner: LinkOwner;
  /** A link is up; it starts reading after this returns. */
  readonly onLink: (link: Link) => void;
  /** Somebody was turned away: why, and who it was as far as that is known. */
  readonly onRefused: (code: string, text: string, who: Newcomer) => void;
  /** Who takes in those that do not speak `mesh/1`; absent: they are refused. */
  readonly door?: Door | undefined;
}

/** Who was turned away. */
export interface Newcomer {
  /** Proven by the handshake, if it came so far. */
  readonly node?: NodeId;
  readonly remote?: string;
  /** It has a link already, and was slowed down. */
  readonly isLinked?: boolean;
}

/** Links that one node may have as a client: some programs on one machine share its key. Beyond it the oldest goes. */
export const LINKS_PER_NODE_MAX = 64;

/** Addresses whose rate is remembered. */
const ADDRESSES_MAX = 10_000;

/** All links of a node. */
export class LinkTable {
  readonly #options: LinkTableOptions;
  readonly #links = new Map<Peer, Link>();
  readonly #byNode = new Map<NodeId, Set<Link>>();
  readonly #perAddress: RateLimit;
  readonly #decoder = new Decoder();
  #unwelcomed = 0;
  #clients = 0;
  /** Newcomers that were admitted and are not links yet. */
  #arriving = 0;
  #ids = 0;

  constructor(options: LinkTableOptions) {
    this.#options = options;
    const { perAddressPerSecond: perSecond, perAddressBurst: burst } = options.limits;
    this.#perAddress = new RateLimit({ perSecond, burst, keysMax: ADDRESSES_MAX });
  }

  get(peer: Peer): Link | undefined {
    return this.#links.get(peer);
  }

  /** The newest link to a node. */
  ofNode(node: NodeId): Link | undefined {
    return [...this.#byNode.get(node) ?? []].at(-1);
  }

  /** The newest link to a node that takes messages. */
  to(node: NodeId): Link | undefined {
    return [...this.#byNode.get(node) ?? []].findLast(({ open }) => open);
  }

  /** All links to a node, the oldest first. */
  allTo(node: NodeId): Link[] {
    return [...this.#byNode.get(node) ?? []];
  }

  /** Every link. */
  all(): Link[] {
    return [...this.#links.values()];
  }

  get size(): number {
    return this.#links.size;
  }

  /** Links that edges dialled. */
  get clients(): number {
    return this.#clients;
  }

  /** Whether one more may begin a handshake; asked before TLS, in which `handshaking` are now. */
  admits(handshaking: number): boolean {
    const free = this.#unwelcomed + handshaking < this.#options.limits.unwelcomedMax;
    if (!free) this.#options.onRefused("too_busy", "Cannot connect: too many handshakes go on", {});
    return free;
  }

  /** Leads a newcomer through the handshake; never rejects. `names` are the host names this node answers to. */
  async accept(connection: Connection, names: ReadonlySet<string>): Promise<void> {
    const { self, timers, random, limits, onRefused, door } = this.#options;
    const { hostname: remote } = connection.remote;
    if (!this.#perAddress.take(networkOf(remote), timers.now())) {
      onRefused("too_many_from_address", "Cannot connect: too many connections of one address", { remote });
      return connection.close(1, "too_many_from_address");
    }
    this.#unwelcomed++;
    let arriving = 0, told = false;
    const admit = (peer: PeerIdentity) => {
      const refusal = this.refusal(peer);
      if (refusal === undefined && peer.role === "edge") {
        arriving = 1;
        this.#arriving++;
      }
      return refusal;
    };
    const onRefusal = (code: string, text: string, peer: PeerIdentity | undefined) => {
      told = true;
      onRefused(code, text, peer === undefined ? { remote } : { remote, node: peer.node });
    };
    const take = (stranger: Stranger) => {
      told = true;
      door!.take(stranger);
    };
    const { frameBytesMax, subscriptionsPerClientMax: subscriptionsMax } = limits;
    const shared = { self, timers, random, frameBytesMax, subscriptionsMax };
    const established = await accept(connection, {
      ...shared,
      names,
      admit,
      door: door && { take },
      onRefused: onRefusal,
    });
    this.#unwelcomed--;
    this.#arriving -= arriving;
    if (established !== undefined) this.add(established);
    else if (!told) onRefused("handshake_failed", "Cannot connect: the peer left", { remote });
  }

  /** Makes a link of an established connection. */
  add(established: Established): Link {
    const { timers, budget, owner, limits, onLink } = this.#options, { queue } = limits;
    const id = `l${++this.#ids}`;
    const decoder = this.#decoder;
    const throttle = this.#throttle(established);
    const link = new Link({ id, established, owner, timers, budget, queue, decoder, throttle });
    this.#links.set(id, link);
    let siblings = this.#byNode.get(link.peer.node);
    if (siblings === undefined) this.#byNode.set(link.peer.node, siblings = new Set());
    siblings.add(link);
    if (isClient(link)) this.#clients++;
    onLink(link);
    link.start();
    const isFull = this.#clients > limits.clientsMax || siblings.size > LINKS_PER_NODE_MAX;
    if (isClient(link) && isFull) this.#replaceOldest(siblings, link);
    return link;
  }

  /** Clients may send only so fast; hubs of ours, and edges to themselves, as they like. */
  #throttle({ dialled, peer: { node, role } }: Established): Throttle | undefined {
    if (dialled || role === "hub") return undefined;
    const { timers, onRefused, limits } = this.#options;
    const { framesPerClientPerSecond: framesPerSecond, bytesPerClientPerSecond: bytesPerSecond } = limits;
    const onPause = () => onRefused("too_fast", "reading pauses: the client sends too fast", { node, isLinked: true });
    return new Throttle({ framesPerSecond, bytesPerSecond }, timers, onPause);
  }

  /** Forgets a link that has ended. */
  remove(link: Link): void {
    if (!this.#links.delete(link.id)) return;
    const siblings = this.#byNode.get(link.peer.node);
    siblings?.delete(link);
    if (siblings?.size === 0) this.#byNode.delete(link.peer.node);
    if (isClient(link)) this.#clients--;
  }

  /** A known client came back while the table was full, or has too many links: the oldest that it had goes. */
  #replaceOldest(siblings: ReadonlySet<Link>, by: Link): void {
    const [oldest] = siblings;
    if (oldest !== undefined && oldest !== by) oldest.breakOff("replaced", "the node came back on another link");
  }

  /** Why a node cannot become a client now. */
  refusal(peer: PeerIdentity): { code: string; text: string } | undefined {
    const { clientsMax } = this.#options.limits;
    if (peer.role === "hub") return undefined; // hubs have a bound of their own: the pool's
    if (this.#clients + this.#arriving < clientsMax || this.#byNode.has(peer.node)) return undefined;
    return { code: "max_clients_reached", text: `Cannot attach: this gateway serves at most ${clientsMax} clients` };
  }
}

/** Whether an edge is served over it. */
function isClient({ dialled, peer }: Link): boolean {
  return !dialled && peer.role === "edge";
}
