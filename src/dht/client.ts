/**
 * The hash table at an edge: it asks through its hub, and keeps nothing for others.
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import { Deadlines } from "../base/deadlines.ts";
import type { CommandId, Core, Failure, Peer } from "../base/protocol.ts";
import type { VerifiedRecord } from "../identity/record.ts";
import type {
  DhtCommand,
  DhtEffect,
  DhtEvent,
  DhtInput,
  DhtMessage,
  DhtTimer,
  FindValueReplyMessage,
  NodesFound,
  RecordsFound,
  Stored,
} from "./messages.ts";
import type { DhtOptions } from "./options.ts";
import { type Publication, Publications } from "./publications.ts";
import { Findings } from "./query/findings.ts";

/** What the hub was asked and has not answered. */
interface Question {
  readonly command: CommandId;
  readonly about: "nodes" | "values" | "store";
  /** The key of a store or of values. */
  readonly key: Uint8Array;
  readonly findings: Findings;
  /** What is to be stored. */
  readonly record: VerifiedRecord | undefined;
  page: number;
  /** Who was asked. */
  hub: Peer | undefined;
}

const NO_HUB: Failure = { code: "unavailable", text: "Cannot look up: no link to a hub" };
const LINK_LOST: Failure = { code: "connection_lost", text: "Cannot look up: the link to the hub was lost" };
/** One way from the hub to what it found: an edge knows no more. */
const BY_HUB = { hops: 1, queries: 1 } as const;

/** The hash table's protocol at an edge. Without a hub it fails at once; a store is `confirmed` by the hub alone. */
export class DhtClient implements Core<DhtMessage, DhtCommand, DhtTimer, DhtEvent> {
  readonly #options: DhtOptions;
  readonly #questions = new Map<number, Question>();
  readonly #publications: Publications;
  readonly #deadlines = new Deadlines<number | Publication>();
  readonly #hubs = new Set<Peer>();
  #requests = 0;
  #timerAt = Infinity;

  constructor(options: DhtOptions) {
    this.#options = options;
    this.#publications = new Publications(options);
  }

  handle(input: DhtInput, now: number): readonly DhtEffect[] {
    const out: DhtEffect[] = [];
    switch (input.kind) {
      case "received":
        if (this.#hubs.has(input.from)) this.#received(input.from, input.message, now, out);
        break;
      case "command":
        this.#command(input.id, input.command, now, out);
        break;
      case "timer":
        this.#onTimer(input.timer, now, out);
        break;
      case "peerUp":
        if (input.role === "hub") this.#hubs.add(input.peer);
        break;
      case "peerDown":
        this.#hubs.delete(input.peer);
        this.#askAgain(input.peer, now, out);
        break;
    }
    this.#arm(now, out);
    return out;
  }

  #command(id: CommandId, command: DhtCommand, now: number, out: DhtEffect[]): void {
    switch (command.type) {
      case "self":
      case "contact":
        return;
      case "join":
        out.push({ kind: "answer", id, value: { nodes: [], hops: 0, queries: 0 } satisfies NodesFound });
        return;
      case "findNode":
        return this.#ask(this.#question(id, "nodes", command.target), now, out);
      case "findValue":
        return this.#ask(this.#question(id, "values", command.key), now, out);
      case "publish": {
        const { record } = command, failure = this.#publications.add(record);
        if (failure !== undefined) {
          out.push({ kind: "fail", id, error: failure });
          return;
        }
        this.#deadlines.add(this.#publications.renewAt(record, now), { record, next: "renew" });
        return this.#store(id, record, now, out);
      }
      case "withdraw":
        this.#publications.remove(command.record);
        return this.#store(id, command.record, now, out);
      case "store":
        return this.#store(id, command.record, now, out);
      case "abandon":
        for (const [requestId, one] of this.#questions) {
          if (one.command === command.command) this.#questions.delete(requestId);
        }
        return;
    }
  }

  #store(command: CommandId, record: VerifiedRecord, now: number, out: DhtEffect[]): void {
    this.#ask(this.#question(command, "store", record.key, record), now, out);
  }

  #question(command: CommandId, about: Question["about"], key: Uint8Array, record?: VerifiedRecord): Question {
    return { command, about, key, record, findings: new Findings(key, this.#options), page: 0, hub: undefined };
  }

  /** What a hub has not answered goes to another one. */
  #askAgain(gone: Peer, now: number, out: DhtEffect[]): void {
    for (const [id, question] of [...this.#questions]) {
      if (question.hub !== gone) continue;
      this.#questions.delete(id);
      if (this.#hubs.size > 0) this.#ask(question, now, out);
      else out.push({ kind: "fail", id: question.command, error: LINK_LOST });
    }
  }

  #ask(question: Question, now: number, out: DhtEffect[]): void {
    const hub = this.#hubs.values().next().value;
    if (hub === undefined) {
      out.push({ kind: "fail", id: question.command, error: NO_HUB });
      return;
    }
    const { about, key, page, record } = question, requestId = ++this.#requests;
    question.hub = hub;
    this.#questions.set(requestId, question);
    this.#deadlines.add(now + this.#options.hubTimeoutMs, requestId);
    const message: DhtMessage = about === "store"
      ? { kind: "store", key, requestId, record, refusal: undefined }
      : about === "values"
      ? { kind: "findValue", key, requestId, page, sender: undefined }
      : { kind: "findNode", target: key, requestId, sender: undefined };
    out.push({ kind: "send", to: hub, message, lane: "control" });
  }

  #received(from: Peer, message: DhtMessage, now: number, out: DhtEffect[]): void {
    if (message.kind === "storeAck") return this.#onStored(message.requestId, message.key, message.refusal, out);
    if (message.kind !== "findNodeReply" && message.kind !== "findValueReply") return;
    const { requestId, refusal } = message;
    const question = requestId === undefined ? undefined : this.#questions.get(requestId);
    if (question === undefined || question.about === "store") return;
    this.#questions.delete(requestId!);
    const { command } = question;
    if (refusal !== undefined) out.push({ kind: "fail", id: command, error: refusal });
    else if (message.kind === "findValueReply") this.#onValues(from, question, message, now, out);
    else out.push({ kind: "answer", id: command, value: { nodes: message.nodes, ...BY_HUB } satisfies NodesFound });
  }

  #onValues(from: Peer, question: Question, message: FindValueReplyMessage, now: number, out: DhtEffect[]): void {
    const { findings, command } = question, { more } = message;
    findings.add(from, message.records);
    if (more !== undefined && more > question.page && more < this.#options.pagesMax) {
      question.page = more;
      return this.#ask(question, now, out);
    }
    const value: RecordsFound = { records: findings.records(now), lacking: [], complete: true, ...BY_HUB };
    out.push({ kind: "answer", id: command, value });
  }

  #onStored(requestId: number | undefined, key: Uint8Array, refusal: Failure | undefined, out: DhtEffect[]): void {
    for (const [id, question] of this.#questions) {
      if (requestId === undefined ? question.about !== "store" || !equalBytes(question.key, key) : id !== requestId) {
        continue;
      }
      this.#questions.delete(id);
      const value: Stored = { confirmed: 1, asked: 1 };
      if (refusal !== undefined) out.push({ kind: "fail", id: question.command, error: refusal });
      else out.push({ kind: "answer", id: question.command, value });
      return;
    }
  }

  #arm(now: number, out: DhtEffect[]): void {
    const at = this.#deadlines.nextAt;
    if (at >= this.#timerAt) return;
    this.#timerAt = at;
    out.push({ kind: "timer", afterMs: Math.max(0, at - now), timer: { type: "deadlines", at } });
  }

  #onTimer(timer: DhtTimer, now: number, out: DhtEffect[]): void {
    if (timer.type !== "deadlines" || timer.at !== this.#timerAt) return;
    this.#timerAt = Infinity;
    for (let due = this.#deadlines.takeDue(now); due !== undefined; due = this.#deadlines.takeDue(now)) {
      if (typeof due !== "number") {
        const { record } = due;
        if (this.#publications.isCurrent(record)) out.push({ kind: "event", event: { type: "renew", record } });
        continue;
      }
      const late = this.#questions.get(due), within = this.#options.hubTimeoutMs;
      if (late === undefined) continue;
      this.#questions.delete(due);
      const error = { code: "timeout", text: `Cannot look up: no answer from the hub within ${within} ms` };
      out.push({ kind: "fail", id: late.command, error });
    }
  }
}
