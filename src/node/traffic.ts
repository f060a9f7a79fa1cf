/** Messages and bytes of links. @module */

import type { Link } from "../link/link.ts";

/** A sum over links. */
export class Traffic {
  sent = 0;
  received = 0;
  dropped = 0;
  /** Events that waited for a link when it ended, in disorder. */
  lost = 0;
  bytesSent = 0;
  bytesReceived = 0;

  /** Adds what went over a link. */
  add({ messages, bytes }: Pick<Link, "messages" | "bytes">): void {
    this.sent += messages.sent;
    this.received += messages.received;
    this.dropped += messages.dropped;
    this.lost += messages.lost;
    this.bytesSent += bytes.sent;
    this.bytesReceived += bytes.received;
  }

  /** Another sum, with these links too. */
  with(links: Iterable<Link>): Traffic {
    const sum = Object.assign(new Traffic(), this);
    for (const link of links) sum.add(link);
    return sum;
  }
}
