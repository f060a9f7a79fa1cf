/** A toy network: cores, a virtual clock, and nothing lost but what goes to the dead. @module */

import assert from "node:assert/strict";
import { Deadlines } from "../../src/base/deadlines.ts";
import type { Core, Failure, Peer, Role } from "../../src/base/protocol.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { DhtClient } from "../../src/dht/client.ts";
import { DhtCore } from "../../src/dht/core.ts";
import type { DhtCommand, DhtEffect, DhtEvent, DhtInput, DhtMessage, DhtTimer } from "../../src/dht/messages.ts";
import type { DhtOptions } from "../../src/dht/options.ts";
import type { NodeRecord } from "../../src/identity/record.ts";
import { fakeNode, idOf, optionsFor } from "./fakes.ts";

const LATENCY_MS = 20;

/** A node of the toy. */
export interface Member {
  readonly name: string;
  readonly record: NodeRecord;
  readonly role: Role;
  readonly core: Core<DhtMessage, DhtCommand, DhtTimer, DhtEvent>;
  readonly links: Set<Peer>;
  readonly events: DhtEvent[];
  isDead: boolean;
  /** What it was asked for last. */
  asked: Uint8Array;
  /** Turns what it would send into something else. */
  lie: ((message: DhtMessage, member: Member) => DhtMessage | undefined) | undefined;
}

type Happening =
  | { readonly member: Member; readonly input: DhtInput }
  | { readonly member: Member; readonly dialled: Peer; readonly message: DhtMessage };

/** What became of a command. */
export type Outcome = { readonly value: unknown } | { readonly error: Failure };

/** Nodes that talk over links of 20 ms each way, dialled when first needed. */
export class Network {
  readonly members = new Map<Peer, Member>();
  readonly random: Random;
  now = 1_000_000;
  /** How many messages were delivered. */
  messages = 0;
  readonly #happenings = new Deadlines<Happening>();
  readonly #outcomes = new Map<number, Outcome>();
  #commands = 0;

  constructor(seed: string) {
    this.random = seededRandom(seed);
  }

  /** A new node that knows nobody. */
  add(name: string, role: Role = "hub", options: Partial<DhtOptions> = {}): Member {
    const record = fakeNode(idOf(name), { role }), settings = optionsFor(record.nodeBytes, options);
    const core = role === "hub" ? new DhtCore(settings) : new DhtClient(settings);
    const member: Member = {
      name,
      record,
      role,
      core,
      links: new Set(),
      events: [],
      isDead: false,
      asked: record.key,
      lie: undefined,
    };
    this.members.set(record.node, member);
    this.#give(member, { kind: "command", id: 0, command: { type: "self", record } });
    return member;
  }

  /** Links two nodes, as a dial by ticket does. */
  link(a: Member, b: Member): void {
    for (const [from, to] of [[a, b], [b, a]] as const) {
      if (from.links.has(to.record.node)) continue;
      from.links.add(to.record.node);
      const { node, nodeBytes } = to.record;
      this.#give(from, { kind: "peerUp", peer: node, node: nodeBytes, role: to.role });
    }
  }

  /** `count` hubs, some time after each other; each links to one that was there and is honest, as its ticket says. */
  grow(count: number, { prefix = "node", everyMs = 200 } = {}): Member[] {
    const added: Member[] = [];
    for (let i = 0; i < count; i++) {
      const before = [...this.members.values()].filter((one) =>
        !one.isDead && one.role === "hub" && one.lie === undefined
      );
      const member = this.add(`${prefix} ${i}`);
      added.push(member);
      if (before.length > 0) this.link(member, before[Math.floor(this.random.number() * before.length)]!);
      this.runFor(everyMs);
    }
    return added;
  }

  /** Takes nodes away; those linked with them are told. */
  kill(...dead: Member[]): void {
    for (const one of dead) one.isDead = true;
    for (const { links, record } of dead) {
      for (const peer of links) {
        const other = this.members.get(peer)!;
        other.links.delete(record.node);
        if (!other.isDead) this.#give(other, { kind: "peerDown", peer: record.node, reason: "dead" });
      }
    }
  }

  /** Gives a command; `outcome` tells what became of it. */
  command(member: Member, command: DhtCommand): number {
    const id = ++this.#commands;
    this.#give(member, { kind: "command", id, command });
    return id;
  }

  /** Runs until a command is answered, at most 100 s; its value. */
  ask<T>(member: Member, command: DhtCommand): T {
    const outcome = this.outcome(this.command(member, command));
    assert("value" in outcome, JSON.stringify(outcome));
    return outcome.value as T;
  }

  /** Runs until it is there, at most 100 s. */
  outcome(id: number): Outcome {
    const end = this.now + 100_000;
    while (!this.#outcomes.has(id) && this.#step(end));
    const outcome = this.#outcomes.get(id);
    assert(outcome !== undefined, "no answer within 100 s");
    return outcome;
  }

  /** Lets time pass. */
  runFor(ms: number): void {
    const end = this.now + ms;
    while (this.#step(end));
    this.now = end;
  }

  #step(end: number): boolean {
    const at = this.#happenings.nextAt;
    if (at > end) return false;
    this.now = Math.max(this.now, at);
    const happening = this.#happenings.takeDue(at)!, { member } = happening;
    if ("message" in happening) this.#arrive(member, happening.dialled, happening.message);
    else if (!member.isDead) this.#give(member, happening.input);
    return true;
  }

  #arrive(from: Member, to: Peer, message: DhtMessage): void {
    const target = this.members.get(to);
    if (target === undefined || target.isDead || from.isDead) return;
    this.messages++;
    if (!from.links.has(to)) this.link(from, target);
    this.#give(target, { kind: "received", from: from.record.node, message });
  }

  #give(member: Member, input: DhtInput): void {
    if (input.kind === "received" && input.message.kind === "findNode") member.asked = input.message.target;
    if (input.kind === "received" && input.message.kind === "findValue") member.asked = input.message.key;
    for (const effect of member.core.handle(input, this.now)) this.#perform(member, effect);
  }

  #perform(member: Member, effect: DhtEffect): void {
    switch (effect.kind) {
      case "send": {
        const message = member.lie === undefined ? effect.message : member.lie(effect.message, member);
        if (message === undefined) return;
        this.#happenings.add(this.now + LATENCY_MS, { member, dialled: effect.to as Peer, message });
        return;
      }
      case "timer":
        this.#happenings.add(this.now + effect.afterMs, { member, input: { kind: "timer", timer: effect.timer } });
        return;
      case "event":
        member.events.push(effect.event);
        return;
      case "answer":
        this.#outcomes.set(effect.id, { value: effect.value });
        return;
      case "fail":
        this.#outcomes.set(effect.id, { error: effect.error });
        return;
    }
  }
}
