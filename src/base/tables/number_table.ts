/**
 * Things found by numbers, where many come and go. A `Map` makes itself anew for each few dozens of them, and its former
 * self refers to the next: once one of these is old to the garbage collector, all that follow are kept and copied by it,
 * with what was in them, until it looks through everything. That took a third of the time of a call.
 *
 * @module
 */

/** Places that there are at first, and so many at most as stay when all is gone: else each burst would make them anew. */
export const PLACES_MIN = 16, PLACES_KEPT = 256;
/** With fewer things than one for so many places, half of the places beyond those go. */
const PLACES_PER_THING_MAX = 16;

/** A hash table with open addressing: arrays that are written to. */
export class NumberTable<T> {
  #numbers: number[] = new Array<number>(PLACES_MIN).fill(0);
  #things: (T | undefined)[] = new Array<T | undefined>(PLACES_MIN).fill(undefined);
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** How many places there are, of which half are taken at most. */
  get places(): number {
    return this.#things.length;
  }

  /** The one with this number. */
  get(number: number): T | undefined {
    return this.#things[this.#placeOf(number)];
  }

  /** Puts one in, in the place of one that has this number. */
  set(number: number, thing: T): void {
    if (2 * this.#size >= this.#things.length) this.#resize(2 * this.#things.length);
    const place = this.#placeOf(number);
    if (this.#things[place] === undefined) this.#size++;
    this.#numbers[place] = number;
    this.#things[place] = thing;
  }

  /** Takes one out; the one that was in. */
  delete(number: number): T | undefined {
    let place = this.#placeOf(number);
    const thing = this.#things[place];
    if (thing === undefined) return undefined;
    const numbers = this.#numbers, things = this.#things, last = things.length - 1;
    // Those behind it that are not where they belong move up, so that nobody has to look past an empty place.
    for (let next = (place + 1) & last; things[next] !== undefined; next = (next + 1) & last) {
      if (((next - numbers[next]!) & last) < ((next - place) & last)) continue;
      numbers[place] = numbers[next]!;
      things[place] = things[next];
      place = next;
    }
    things[place] = undefined;
    this.#size--;
    if (things.length > PLACES_KEPT && PLACES_PER_THING_MAX * this.#size < things.length) {
      this.#resize(things.length / 2);
    }
    return thing;
  }

  /** All of them, in the order of their numbers. */
  values(): T[] {
    return this.#places().sort((a, b) => this.#numbers[a]! - this.#numbers[b]!).map((place) => this.#things[place]!);
  }

  /** Where this number is, or would be. */
  #placeOf(number: number): number {
    const numbers = this.#numbers, things = this.#things, last = things.length - 1;
    let place = number & last;
    while (things[place] !== undefined && numbers[place] !== number) place = (place + 1) & last;
    return place;
  }

  #places(): number[] {
    const places: number[] = [];
    this.#things.forEach((thing, place) => thing !== undefined && places.push(place));
    return places;
  }

  #resize(places: number): void {
    const numbers = this.#numbers, things = this.#things, taken = this.#places();
    this.#numbers = new Array<number>(places).fill(0);
    this.#things = new Array<T | undefined>(places).fill(undefined);
    for (const from of taken) {
      const place = this.#placeOf(numbers[from]!);
      this.#numbers[place] = numbers[from]!;
      this.#things[place] = things[from];
    }
  }
}
