/** Commands that cores were given and have not answered. @module */

import type { CommandId, Failure } from "../base/protocol.ts";
import { NumberTable } from "../base/tables/number_table.ts";

/** A command and the promise of its answer, which rejects with a `Failure`. */
export interface Asked<T> {
  readonly id: CommandId;
  readonly answer: Promise<T>;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(failure: Failure): void;
}

/** Who waits for which answer. */
export class Commands {
  #waiting = new NumberTable<Waiting>();
  #last = 0;

  /** The number of the next command. */
  get next(): CommandId {
    return this.#last + 1;
  }

  /** Takes a number for a command whose answer nobody waits for. */
  skip(): void {
    this.#last++;
  }

  /** Takes a number for a command, and waits for its answer. */
  expect<T>(): Asked<T> {
    const id = ++this.#last, waiting = Promise.withResolvers<T>();
    this.#waiting.set(id, waiting as Waiting);
    return { id, answer: waiting.promise };
  }

  /** Nobody waits any more. */
  forget(id: CommandId): void {
    this.#waiting.delete(id);
  }

  /** The answer has come. */
  resolve(id: CommandId, value: unknown): void {
    this.#waiting.delete(id)?.resolve(value);
  }

  /** The command has failed. */
  reject(id: CommandId, failure: Failure): void {
    this.#waiting.delete(id)?.reject(failure);
  }

  /** Fails everything that still waits. */
  rejectAll(failure: Failure): void {
    const waiting = this.#waiting.values();
    this.#waiting = new NumberTable();
    for (const one of waiting) one.reject(failure);
  }
}
