/** An event as a subscriber gets it. @module */

import { toHex, utf8 } from "../base/bytes.ts";
import { type NodeId, nodeId } from "../identity/mod.ts";
import type { Proof } from "../link/admission/event_proof.ts";
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
  /**
   * By what it is known who published it: `link`, the word of the hub that it is attached to; `hub`, that hub's signature;
   * `signature`, its own; `claimed`, by nothing but its own word, as of a peer of Macula 0.20. What each is worth says
   * docs/SECURITY.md.
   */
  readonly proof: Proof;
  /** The application's alone: nothing of the network's buffers, and nothing that its publisher may write to. */
  readonly #publish: Publish;
  #missed: number;
  #data: T | undefined;
  #isDecoded = false;

  /** Made by the mesh. */
  constructor(publish: Publish, missed: number, proof: Proof = "link") {
    this.topic = publish.topic;
    this.retained = publish.kept === true;
    this.at = publish.at;
    this.proof = proof;
    this.#publish = publish;
    this.#missed = missed;
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

  /**
   * The payload: a JSON value, or a `Uint8Array` if it was published as one. That is a part of a larger buffer: `slice()`
   * it where the buffer itself is used or transferred.
   */
  get data(): T {
    if (!this.#isDecoded) {
      this.#data = decodePayload(this.#publish.payload, this.#publish.encoding) as T;
      this.#isDecoded = true;
    }
    return this.#data as T;
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
    const { headers } = this.#publish, parsed = headers === undefined ? {} : decodePayload(utf8(headers), "json");
    return parsed !== null && typeof parsed === "object" ? parsed as Record<string, string> : {};
  }
}
