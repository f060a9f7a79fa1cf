/** Two links that lead to each other, and what their owners hear. @module */

import { OutgoingBudget } from "../../src/link/budget.ts";
import type { Established } from "../../src/link/establish.ts";
import { Link, type LinkEnd, type LinkOwner } from "../../src/link/link.ts";
import type { QueueLimits } from "../../src/link/link_writer.ts";
import { Decoder, type Message, type Publish } from "../../src/wire/mod.ts";
import { EDGE, type World } from "./world.ts";

/** Bounds that no test reaches by accident. */
export const WIDE: QueueLimits = { waitBytes: 1 << 20, dropBytes: Infinity, closeBytes: Infinity };

/** Notes everything. */
export class Ear implements LinkOwner {
  readonly messages: Message[] = [];
  readonly ends: LinkEnd[] = [];
  readonly leaving: string[] = [];
  drains = 0;
  /** What `pause` says. */
  pausing: Promise<void> | undefined;

  received(_link: Link, message: Message): void {
    this.messages.push(message);
  }

  ended(_link: Link, end: LinkEnd): void {
    this.ends.push(end);
  }

  drained(): void {
    this.drains++;
  }

  closing(): void {}

  goingAway(_link: Link, reason: string): void {
    this.leaving.push(reason);
  }

  pause(): Promise<void> | undefined {
    return this.pausing;
  }

  /** The topics of what came. */
  get topics(): string[] {
    return this.messages.flatMap((message) => message.kind === "publish" ? [message.topic] : []);
  }
}

/** What may differ at one end. */
export interface EndOptions {
  readonly owner?: LinkOwner;
  readonly queue?: QueueLimits;
  readonly budget?: OutgoingBudget;
}

/** A link over what a handshake gave. */
export function linkOver(world: World, established: Established, options: EndOptions = {}): Link {
  const { owner = new Ear(), queue = WIDE, budget = new OutgoingBudget(Infinity) } = options;
  const decoder = new Decoder(), { timers } = world;
  return new Link({ id: "l1", established, owner, timers, budget, queue, decoder });
}

/** Both ends, reading. */
export async function linked(world: World, options: EndOptions = {}) {
  const [near, far] = await world.welcomed(), edgeEar = new Ear(), hubEar = new Ear();
  const edge = linkOver(world, near, { owner: edgeEar }), hub = linkOver(world, far, { owner: hubEar, ...options });
  edge.start();
  hub.start();
  return { edge, hub, edgeEar, hubEar, near, far };
}

/** An event with a body of so many bytes. */
export function event(topic: string, bytes = 1, fields: Partial<Publish> = {}): Publish {
  const payload = new Uint8Array(bytes).fill(topic.length), messageId = new Uint8Array(16);
  return { kind: "publish", topic, payload, qos: 0, retain: false, messageId, publisher: EDGE.idBytes, ...fields };
}
