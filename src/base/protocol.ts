/**
 * The contract of every protocol core: a plain object that receives an input and the time and returns a list of
 * effects. A core never awaits, reads a clock, draws randomness, hashes, or opens anything by itself.
 *
 * @module
 */

/** A link's id, or a node id where there is no link yet. */
export type Peer = string;

/** What a peer is to us: a hub serves us, an edge is served by us. */
export type Role = "hub" | "edge";

/** Which stream of a link a message travels on; order is promised inside a lane only. */
export type Lane = "control" | "events" | "calls";

/** Identifies a command, so that its answer finds the one who gave it. */
export type CommandId = number;

/** What a core is told. */
export type Input<Message, Command, Timer> =
  | { readonly kind: "received"; readonly from: Peer; readonly message: Message }
  | { readonly kind: "command"; readonly id: CommandId; readonly command: Command }
  | { readonly kind: "timer"; readonly timer: Timer }
  | {
    readonly kind: "peerUp";
    readonly peer: Peer;
    readonly node: Uint8Array;
    readonly role: Role;
    /** What it may do; absent: everything. */
    readonly rights?: PeerRights | undefined;
  }
  | { readonly kind: "peerDown"; readonly peer: Peer; readonly reason: string };

/** What a right is for. */
export type Action = "publish" | "subscribe" | "call" | "advertise";

/** What a peer may do: made outside of the cores, from its credential. */
export interface PeerRights {
  /** Why the peer may not do `action` with the topic, pattern or procedure `name`; undefined where it may. */
  refusal(action: Action, name: string): Failure | undefined;
  /** Whether what it rests on still holds at `now`, neither expired nor revoked; absent: it always does. */
  holds?(now: number): boolean;
}

/** A peer was told no: for the counters and the audit log. */
export interface Refusal {
  readonly type: "refused";
  readonly peer: Peer;
  readonly action: Action;
  /** The topic, pattern or procedure, as far as it can be one. */
  readonly name: string;
  readonly code: string;
  readonly text: string;
}

/** What a core wants done. */
export type Effect<Message, Timer, Event> =
  | { readonly kind: "send"; readonly to: Peer | readonly Peer[]; readonly message: Message; readonly lane: Lane }
  | { readonly kind: "timer"; readonly afterMs: number; readonly timer: Timer }
  | { readonly kind: "event"; readonly event: Event }
  | { readonly kind: "answer"; readonly id: CommandId; readonly value: unknown }
  | { readonly kind: "fail"; readonly id: CommandId; readonly error: Failure }
  /** How to reach a node: for the address book of what dials, before a `send` to a node without a link. */
  | { readonly kind: "contact"; readonly peer: Peer; readonly record: unknown }
  | { readonly kind: "disconnect"; readonly peer: Peer; readonly reason: string };

/** An error as a core states it: the runtime makes an exception of it, the wire carries it. */
export interface Failure {
  /** Stable, machine-readable: `no_provider`, `timeout`, … */
  readonly code: string;
  /** One sentence for a person. */
  readonly text: string;
}

/**
 * A protocol as a pure state machine.
 *
 * `now` is wall time in milliseconds that never runs back. The same inputs at the same times give the same effects.
 */
export interface Core<Message, Command, Timer, Event> {
  /** Takes one input at the time `now` and returns what is to be done, in order. */
  handle(input: Input<Message, Command, Timer>, now: number): readonly Effect<Message, Timer, Event>[];
}
