/** What a node says of itself to the mesh, name by name, and who waits for the mesh to know. @module */

/** How far a statement has got: so many of the nodes asked to keep it have done so. */
export interface Confirmation {
  /** How many keep it. */
  readonly confirmed: number;
  /** How many were asked; 0 where it has not come to that yet. */
  readonly asked: number;
}

/** A statement of which nothing is known yet. */
export const UNCONFIRMED: Confirmation = { confirmed: 0, asked: 0 };

/** Somebody who has waited, and what for has become of it. */
export interface Settled<Waiter> {
  readonly waiter: Waiter;
  readonly confirmation: Confirmation;
}

interface Entry<Waiter> {
  /** How many have a part in it. */
  count: number;
  confirmation: Confirmation | undefined;
  waiting: Wait<Waiter>[];
}

interface Wait<Waiter> {
  readonly waiter: Waiter;
  /** Names that are not confirmed. */
  left: number;
  /** The worst of those that are. */
  worst: Confirmation | undefined;
}

/** Names with a count each. Who waits for several names is told of the one that the fewest keep. */
export class Listing<Waiter> {
  readonly #entries = new Map<string, Entry<Waiter>>();

  /** How many names there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** One more for `name`; whether it is the first. */
  add(name: string): boolean {
    const entry = this.#entries.get(name);
    if (entry !== undefined) {
      entry.count++;
      return false;
    }
    this.#entries.set(name, { count: 1, confirmation: undefined, waiting: [] });
    return true;
  }

  /** One less for `name`: undefined while some are left, else those who waited, which nobody will tell otherwise. */
  remove(name: string): Settled<Waiter>[] | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined || --entry.count > 0) return undefined;
    this.#entries.delete(name);
    return settle(entry, UNCONFIRMED);
  }

  /** Waits until all `names` are confirmed: what is known of them if they are, else undefined. */
  wait(names: Iterable<string>, waiter: Waiter): Confirmation | undefined {
    const wait: Wait<Waiter> = { waiter, left: 0, worst: undefined };
    for (const name of names) {
      const entry = this.#entries.get(name);
      if (entry === undefined) continue;
      if (entry.confirmation === undefined) {
        wait.left++;
        entry.waiting.push(wait);
      } else wait.worst = worseOf(wait.worst, entry.confirmation);
    }
    return wait.left > 0 ? undefined : wait.worst ?? UNCONFIRMED;
  }

  /** `name` is confirmed so far; returns those who have waited for nothing else. */
  confirm(name: string, confirmation: Confirmation): Settled<Waiter>[] {
    const entry = this.#entries.get(name);
    if (entry === undefined) return [];
    entry.confirmation = confirmation;
    return settle(entry, confirmation);
  }
}

function settle<Waiter>(entry: Entry<Waiter>, confirmation: Confirmation): Settled<Waiter>[] {
  const settled: Settled<Waiter>[] = [];
  for (const wait of entry.waiting.splice(0)) {
    wait.worst = worseOf(wait.worst, confirmation);
    if (--wait.left === 0) settled.push({ waiter: wait.waiter, confirmation: wait.worst });
  }
  return settled;
}

function worseOf(a: Confirmation | undefined, b: Confirmation): Confirmation {
  return a === undefined || b.confirmed < a.confirmed ? b : a;
}
