/** Frames that a gateway of the original answers by itself: keep-alive, its hash table, discovery. @module */

import type { Address } from "../../transport/transport.ts";
import type { Call, FindValue, Message, Store, Value, ValueMap } from "../../wire/mod.ts";
import type { GateNode, Known, Question } from "../gate_options.ts";
import type { Directory } from "./directory.ts";
import {
  errorReply,
  findNodeReply,
  findValueReply,
  type GatewayEntry,
  gatewaysReply,
  natProbeReply,
  type NodeEntry,
  serviceRecord,
  storedReply,
  subscriptionRecord,
} from "./questions.ts";
import type { Seat } from "../client/seat.ts";
import { aboutOf, isService } from "./shelf.ts";
import type { LegacyStream } from "../stream.ts";
import { keyOf } from "../wire_id.ts";

/** Procedures that the original's gateway answers by itself begin so. */
const OWN_PREFIX = "_dht.";

const NOTHING: Known = { serves: false, wants: false };

/** What the answers are made of. */
export interface InquiriesOptions {
  readonly directory: Directory;
  readonly gateway: () => GatewayEntry;
  readonly clients: () => NodeEntry[];
  readonly node: () => Pick<GateNode, "providers" | "isWanted" | "recorded" | "others">;
  readonly now: () => number;
  readonly refused: (code: string, about: string) => void;
}

/** Who asks. */
export interface Asker {
  readonly stream: LegacyStream;
  /** The client that it is, by CONNECT or by what the frame names. */
  readonly seat: Seat | undefined;
  readonly remote: Address;
  /** Whether a client of the realm is on its host: others are told nothing of the realm. */
  readonly isKnown: boolean;
}

/** Answers. */
export class Inquiries {
  readonly #options: InquiriesOptions;

  constructor(options: InquiriesOptions) {
    this.#options = options;
  }

  /** Deals with a frame, or says that it is for somebody else. */
  handle(message: Message, asker: Asker): Promise<void> | undefined | "not_mine" {
    const { stream, remote, isKnown } = asker, { gateway, clients, now } = this.#options;
    switch (message.kind) {
      case "ping":
        return this.#write(stream, { kind: "pong", timestamp: message.timestamp, serverTime: Math.floor(now()) });
      case "natProbe":
        return this.#write(stream, natProbeReply(message, remote, gateway(), now()));
      case "findNode":
        return this.#write(stream, findNodeReply(message, isKnown ? clients() : []));
      case "findValue":
        return this.#findValue(message, asker);
      case "store":
        return this.#store(message, asker);
      case "call":
        return message.procedure.startsWith(OWN_PREFIX) ? this.#call(message, asker) : "not_mine";
      default:
        return "not_mine";
    }
  }

  async #findValue({ key }: FindValue, { stream, isKnown }: Asker): Promise<void> {
    const values = isKnown ? await this.#valuesOf(keyOf(key)) : [];
    this.#write(stream, findValueReply(values));
  }

  /** What this gateway knows by itself; another one asks. A procedure that comes up may be one that a record stands for. */
  async known({ procedure, key = "" }: Question): Promise<Known> {
    const { directory } = this.#options;
    if (procedure !== undefined) directory.named(procedure, "procedure");
    const { stored, serving, wants } = await this.#here(procedure === undefined ? key : directory.keyOf(procedure));
    return { serves: serving.length > 0 || stored.some(isService), wants };
  }

  async #here(key: string) {
    const { directory, node } = this.#options, stored = directory.find(key), name = directory.nameOf(key);
    const [serving, wants] = name === undefined
      ? [[], false]
      : await Promise.all([node().providers(name), node().isWanted(name)]);
    return { name, stored, serving, wants };
  }

  /** What was stored, and who here serves the procedure of that key; this gateway itself for what others serve, or want. */
  async #valuesOf(key: string): Promise<Value[]> {
    const { id, endpoint } = this.#options.gateway(), { name, stored, serving, wants } = await this.#here(key);
    const known = new Set(stored.map((value) => aboutOf(value)?.node));
    const records = serving.map((node) => serviceRecord(node, endpoint));
    const values = [...stored, ...records.filter((record) => !known.has(aboutOf(record)!.node))];
    if (values.length === 0 && (!wants || name === undefined)) {
      const there = await this.#there(key, name);
      if (there.serves) return [serviceRecord(id.wire, endpoint)];
      return there.wants ? [subscriptionRecord(id.wire, endpoint)] : [];
    }
    return serving.length === 0 && wants ? [...values, subscriptionRecord(id.wire, endpoint)] : values;
  }

  async #there(key: string, name: string | undefined): Promise<Known> {
    const { node } = this.#options, recorded = name === undefined ? NOTHING : await node().recorded(name);
    if (recorded.serves || recorded.wants) return recorded;
    const others = await node().others({ key });
    return { serves: others.some(({ known }) => known.serves), wants: others.some(({ known }) => known.wants) };
  }

  #store({ key, value, type }: Store, { seat, remote }: Asker): undefined {
    const { directory, refused } = this.#options;
    if (type === undefined || key.length === 0) return; // as there
    const code = seat === undefined
      ? directory.storeBeside(key, value, remote.hostname)
      : directory.store(key, value, seat);
    if (code !== undefined) refused(code, "store");
  }

  #call(call: Call, { stream, seat }: Asker): undefined {
    const { realm, ...gateway } = this.#options.gateway(), { procedure } = call;
    if (call.realm !== undefined ? call.realm !== realm : seat === undefined) {
      this.#options.refused("wrong_realm", procedure);
      return this.#write(stream, errorReply(call, "wrong_realm", "This gateway serves another realm"));
    }
    if (procedure === "_dht.list_gateways") {
      // Every 30 s a node dials whatever it is told of, also where it is connected: once more is enough.
      const hasDialled = seat !== undefined && seat.streams.length > 1;
      return this.#write(stream, gatewaysReply(call, hasDialled ? [] : [{ ...gateway, realm }]));
    }
    if (procedure === "_dht.store") return this.#storeByCall(call, stream, seat);
    const text = "Gateway is bootstrap-only. Discover service via DHT and call peer directly";
    return this.#write(stream, errorReply(call, "gateway_bootstrap_only", text));
  }

  #storeByCall(call: Call, stream: LegacyStream, seat: Seat | undefined): undefined {
    const args = call.args instanceof Map ? call.args as ValueMap : undefined, key = args?.get("key");
    const value = args?.get("value");
    if (!(key instanceof Uint8Array) || value === undefined) {
      return this.#write(stream, errorReply(call, "invalid_args", "A map of key and value is expected"));
    }
    const code = seat === undefined ? "no_connect" : this.#options.directory.store(key, value, seat);
    if (code !== undefined) this.#options.refused(code, call.procedure);
    return this.#write(
      stream,
      code === undefined ? storedReply(call) : errorReply(call, code, "The value is not kept"),
    );
  }

  #write(stream: LegacyStream, message: Message): undefined {
    stream.write(message);
    return undefined;
  }
}
