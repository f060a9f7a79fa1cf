/** Somebody inside a realm who speaks as it likes. @module */

import type { AuditEntry } from "../../../mod.ts";
import type { Established } from "../../../src/link/establish.ts";
import { decodeFrame, encodeFrame, type Message, type Publish } from "../../../src/wire/mod.ts";
import { until } from "../../conformance/deadline.ts";
import { credentialGateway, credentialOf, guardOf, identity, Outside, selfOf } from "../world.ts";

/** The insider, and the id of its messages. */
export const RAW = identity(3), ID = new Uint8Array(16).fill(5);

/** What a welcomed peer says, and what it hears. */
export class Peer {
  readonly established: Established;
  readonly heard: Message[] = [];
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(established: Established) {
    this.established = established;
    this.#writer = established.controlWriter;
    void this.#listen().catch(() => {});
  }

  async say(...messages: Message[]): Promise<void> {
    for (const message of messages) await this.#writer.write(encodeFrame(message));
  }

  /** The next answer of this kind; an answer that says no is thrown. */
  async answer(kind: Message["kind"]): Promise<never> {
    const found = () => this.heard.find((one) => one.kind === kind) as Message & { code?: string; text?: string };
    await until(() => found() !== undefined, kind);
    throw Object.assign(new Error(found().text), { code: found().code });
  }

  async #listen(): Promise<void> {
    const { control } = this.established;
    for (let frame = await control.next(); frame !== undefined; frame = await control.next()) {
      this.heard.push(decodeFrame(frame));
    }
  }
}

/** A gateway that asks for credentials, and somebody inside who speaks as it likes. */
export async function inside(wish: Parameters<typeof credentialOf>[1] = {}) {
  const audited: AuditEntry[] = [], outside = new Outside();
  const gateway = await credentialGateway({ audit: (entry) => void audited.push(entry) });
  const guard = guardOf({ credential: await credentialOf(RAW, wish) });
  const peer = () => outside.welcomed(gateway, selfOf(RAW, { guard })).then((established) => new Peer(established));
  const close = async () => {
    await outside[Symbol.asyncDispose]();
    await gateway.close();
  };
  return { gateway, audited, outside, peer, [Symbol.asyncDispose]: close };
}

/** What an event of the peer's looks like. */
export function event(fields: Partial<Publish> = {}): Publish {
  const head = { kind: "publish", topic: "demo.x", qos: 0, retain: false, messageId: ID } as const;
  return { ...head, payload: Uint8Array.of(49), publisher: RAW.idBytes, acknowledge: true, ...fields };
}
