/** What all outgoing queues of a node hold together. @module */

/** Default of what they may hold, bytes: on no machine more than this. */
export const OUTGOING_BYTES_MAX = 1 << 30;

/** Something with an outgoing queue. */
export interface QueueOwner {
  /** What its queue holds, bytes. */
  readonly queuedBytes: number;
  /** Called when it holds the most while all together are over the bound. */
  overBudget(): void;
}

/** Counts all outgoing queues; over the bound, the owner of the longest one is told. */
export class OutgoingBudget {
  readonly #bytesMax: number;
  readonly #owners = new Set<QueueOwner>();
  #bytes = 0;

  constructor(bytesMax = OUTGOING_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** What all queues hold, bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  join(owner: QueueOwner): void {
    this.#owners.add(owner);
  }

  leave(owner: QueueOwner): void {
    this.#owners.delete(owner);
  }

  /** A queue grew or shrank. */
  change(bytes: number): void {
    this.#bytes += bytes;
    if (bytes <= 0 || this.#bytes <= this.#bytesMax) return;
    let longest: QueueOwner | undefined;
    for (const owner of this.#owners) {
      if (longest === undefined || owner.queuedBytes > longest.queuedBytes) longest = owner;
    }
    longest?.overBudget();
  }
}
