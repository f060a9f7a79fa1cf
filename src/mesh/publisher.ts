/** From what an application publishes to the event on the wire. @module */

import { toHex, utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { ClosedError, MeshError, ValidationError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { signEvent } from "../link/admission/event_proof.ts";
import type { Self } from "../link/handshake.ts";
import type { Link } from "../link/link.ts";
import { parseTopic, type Topic } from "../names/mod.ts";
import { EVENT_ID_BYTES, EventIds } from "../pubsub/event_ids.ts";
import type { Publish } from "../wire/mod.ts";
import { answered, type Asked } from "./answer.ts";
import type { Node } from "../node/node.ts";
import type { Published, PublishOptions } from "./options.ts";
import { encodePayload, NO_DATA } from "./payload.ts";

/** Bytes in a link's queue over which an application that never awaits is told no. */
const QUEUE_BYTES_MAX = 64 << 20;

/** What a publisher is made with. */
export interface PublisherOptions {
  readonly node: () => Node;
  /** This node's id, 32 bytes. */
  readonly self: Uint8Array;
  readonly clock: Clock;
  readonly random: Random;
  /** Who signs events that are to be signed. */
  readonly signer: Pick<Self, "identity" | "realm">;
  /** Largest body that the link takes now, bytes. */
  readonly bodyBytesMax: () => number;
  /** The link that events go to; undefined at a hub, and without one. */
  readonly uplink: () => Link | undefined;
  /** Throws where nothing may be published any more. */
  readonly mustBeOpen: (what: string, signal: AbortSignal | undefined) => void;
}

/** Publishes for one application. */
export class Publisher {
  readonly #options: PublisherOptions;
  /** The last one that was found to be a topic: a publisher mostly stays with its own. */
  #topic: Topic | undefined;
  readonly #ids: EventIds;
  #unconfirmed = 0;
  #waiting = 0;
  readonly #idle: (() => void)[] = [];

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#ids = new EventIds(options.random);
  }

  /** Acknowledged events that nobody confirmed, and those that still waited for a link at the end. */
  get unconfirmed(): number {
    return this.#unconfirmed;
  }

  /** Resolves when no event waits for its acknowledgement. */
  idle(): Promise<void> {
    return this.#waiting === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Publishes one event: see `Mesh.publish`. No async function: each would add a promise to every event. */
  publish(topic: string, data: unknown, options: PublishOptions): Promise<Published> {
    try {
      this.#options.mustBeOpen("publish", options.signal);
      return this.#publish(topic, data, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #publish(topic: string, data: unknown, options: PublishOptions): Promise<Published> {
    const { clock } = this.#options, node = this.#options.node(), uplink = this.#options.uplink();
    const now = clock.recent?.() ?? clock.now(), publish = this.#event(topic, data, options, now);
    if (uplink !== undefined && uplink.queuedBytes > QUEUE_BYTES_MAX) {
      const text = `Cannot publish: over ${QUEUE_BYTES_MAX} bytes wait for the link; await publish before the next one`;
      throw new MeshError("queue_full", text, { retryable: true });
    }
    const asked = node.publish(publish, now), id = this.#ids.text(publish.messageId);
    if (asked !== undefined) {
      return this.#answered(asked as Asked<{ recipients: number } | undefined>, publish, options);
    }
    const full = uplink?.writable() ?? node.pause();
    return full === undefined
      ? Promise.resolve({ id, recipients: undefined })
      : full.then(() => ({ id, recipients: undefined }));
  }

  /** For an event that waits for a link, or for the hub's answer. */
  async #answered(
    asked: Asked<{ recipients: number } | undefined>,
    publish: Publish,
    { signal }: PublishOptions,
  ): Promise<Published> {
    if (publish.acknowledge) this.#waiting++;
    try {
      const answer = await answered(this.#options.node(), "pubsub", asked, signal);
      const full = this.#options.uplink()?.writable() ?? this.#options.node().pause();
      if (full !== undefined) await full;
      return { id: toHex(publish.messageId), recipients: answer?.recipients };
    } catch (error) {
      if (publish.acknowledge || error instanceof ClosedError) this.#unconfirmed++;
      throw error;
    } finally {
      if (publish.acknowledge && --this.#waiting === 0) { for (const resolve of this.#idle.splice(0)) resolve(); }
    }
  }

  #event(topic: string, data: unknown, options: PublishOptions, now: number): Publish {
    const { random, self } = this.#options, bodyBytesMax = this.#options.bodyBytesMax();
    const { qos = 0, acknowledge = false, retain = false, headers } = options;
    if (qos !== 0 && qos !== 1 && qos !== 2) {
      throw new ValidationError(`Cannot publish: qos is 0, 1 or 2, got ${qos}`);
    }
    // What deletes a retained event is one without a payload; as any other, `undefined` travels as `null`.
    const { bytes: payload, encoding } = retain && data === undefined
      ? NO_DATA
      : encodePayload(data, "publish", bodyBytesMax);
    if (this.#topic === undefined || topic !== this.#topic) this.#topic = parseTopic(topic);
    const acknowledged = qos > 0 || acknowledge;
    // In full, as the decoder makes it: what handles events meets one hidden class.
    const event: { readonly [K in keyof Required<Publish>]: Publish[K] | undefined } = {
      kind: "publish",
      messageId: acknowledged ? random.bytes(EVENT_ID_BYTES) : this.#ids.next(this.#topic),
      payload,
      publisherDid: undefined,
      qos,
      retain,
      topic: this.#topic,
      ucanToken: undefined,
      publisher: self,
      encoding,
      at: Math.floor(now),
      acknowledge: acknowledged ? true : undefined,
      headers: headers === undefined ? undefined : headersText(headers, bodyBytesMax - payload.length),
      proof: undefined,
      originProof: undefined,
      claimed: undefined,
      kept: undefined,
      frame: undefined,
    };
    if (!options.sign) return event as Publish;
    const { identity, realm } = this.#options.signer;
    return { ...event as Publish, proof: signEvent(identity, "event", realm, event as Publish) };
  }
}

function headersText(headers: Readonly<Record<string, string>>, bytesMax: number): string {
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== "string") {
      throw new ValidationError(`Cannot publish: headers are texts, got a ${typeof value} in ${JSON.stringify(name)}`);
    }
  }
  const text = JSON.stringify(headers), { length } = utf8(text);
  if (length > bytesMax) {
    throw new ValidationError(`Cannot publish: beside this body headers have at most ${bytesMax} bytes, got ${length}`);
  }
  return text;
}
