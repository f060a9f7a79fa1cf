/** An event as a subscriber gets it. @module */

import { toHex } from "../base/bytes.ts";
import { type NodeId, nodeId } from "../identity/mod.ts";
import type { Publish } from "../wire/mod.ts";
import { decodePayload } from "./payload.ts";

/** One event. */
export class MeshEvent<T = unknown> {
  /** As it was published. */
  readonly topic: string;
  /** Whether it was kept from before the subscription. */
  readonly retained: boolean;
  /** Publisher's clock, ms; undefined for peers that do not say. */
  readonly at: number | undefined;
  readonly #publish: Pick<Publish, "payload" | "encoding" | "messageId" | "publisher" | "headers">;
  #missed: number;
  #data: { readonly value: T } | undefined;

  /** Made by the mesh. The event keeps no memory of the network's buffers. */
  constructor(publish: Publish, missed: number) {
    const { topic, retain, at, payload, encoding, messageId, publisher, headers } = publish;
    this.topic = topic;
    this.retained = retain;
    this.#missed = missed;
    this.at = at;
    const own = { payload: payload.slice(), messageId: messageId.slice() };
    this.#publish = {
      ...own,
      ...(encoding === undefined ? {} : { encoding }),
      ...(publisher === undefined ? {} : { publisher: publisher.slice() }),
      ...(headers === undefined ? {} : { headers }),
    };
  }

  /** How many events this subscription lost just before this one. */
  get missed(): number {
    return this.#missed;
  }

  /**
   * More were lost before it was read. Not for applications.
   *
   * @internal
   */
  addMissed(count: number): void {
    this.#missed += count;
  }

  /** The payload: a JSON value, or a `Uint8Array` if it was published as one. */
  get data(): T {
    return (this.#data ??= { value: decodePayload(this.#publish.payload, this.#publish.encoding) as T }).value;
  }

  /** The publisher's id for this event, 32 hexadecimal digits; unique in practice. */
  get id(): string {
    return toHex(this.#publish.messageId);
  }

  /** Who published it, as the hub has proven; undefined for peers that do not say. */
  get publisher(): NodeId | undefined {
    const { publisher } = this.#publish;
    return publisher?.length === 32 ? nodeId(publisher) : undefined;
  }

  /** What the publisher put beside the payload. */
  get headers(): Readonly<Record<string, string>> {
    const parsed = this.#publish.headers === undefined ? {} : decodePayload(bytesOf(this.#publish.headers), "json");
    return parsed !== null && typeof parsed === "object" ? parsed as Record<string, string> : {};
  }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
