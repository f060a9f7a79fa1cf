/** What a system must be able to do to be measured: the same few verbs for ours, the bare limit and the peers. @module */

/** One participant, as an application of that system holds it. */
export interface Client {
  /** Hands every event of `topic` to `on`; resolves when the interest is known where events are routed. */
  subscribe(topic: string, on: (payload: Uint8Array) => void): Promise<void>;
  /** Publishes `payloads(0)` to `payloads(count - 1)` with the system's own back-pressure; resolves when all are handed over. */
  pump(topic: string, payloads: (index: number) => Uint8Array, count: number): Promise<void>;
  /** Publishes one event without waiting. */
  publish(topic: string, payload: Uint8Array): void;
  /** Answers calls of `procedure`; resolves when callers may come. */
  serve(procedure: string, handler: (request: Uint8Array) => Uint8Array): Promise<void>;
  /** Calls `procedure` and resolves with the answer's body. */
  call(procedure: string, request: Uint8Array): Promise<Uint8Array>;
}

/** A participant that others attach to. */
export interface Hub extends Client {
  /** What `connect` takes. */
  readonly address: string;
}

/** An established connection that only exists. */
export interface Handshaken {
  /** Ends it; does not wait. */
  close(): void;
}

/** Where a participant finds what it needs. */
export interface Place {
  /** A folder of this run: certificates. */
  readonly folder: string;
}

/** A system under measurement. */
export interface Adapter {
  /** Attaches to a hub or broker. */
  connect(address: string, place: Place): Promise<Client>;
  /** Becomes a hub; absent where the broker is a program of its own. */
  listen?(place: Place): Promise<Hub>;
  /** Establishes a connection, proofs included, and nothing more. */
  dial?(address: string, place: Place): Promise<Handshaken>;
}
