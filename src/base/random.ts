/** Randomness, handed in. @module */

/** A source of random numbers; a seeded one replays. */
export interface Random {
  /** `length` random bytes in a new array. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
  /** A number in [0, 1). */
  number(): number;
  /** An independent source: drawing from it does not shift this one. */
  fork(label: string): Random;
}

/** An integer in [0, below). */
export function randomInteger(random: Random, below: number): number {
  return Math.floor(random.number() * below);
}

/** A source that gives the same numbers for the same seed: for tests and the simulator, never for keys. */
export function seededRandom(seed: string): Random {
  return new SeededRandom(seed);
}

/** sfc32 (Doty-Humphrey, PractRand). Its state lies in one object: ten thousand of them are drawn from in turn. */
class SeededRandom implements Random {
  readonly #seed: string;
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  #forks = 0;

  constructor(seed: string) {
    this.#seed = seed;
    [this.#a, this.#b, this.#c, this.#d] = hash128(seed);
    for (let i = 0; i < 12; i++) this.#next();
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) out[i] = this.#next();
    return out;
  }

  number(): number {
    return (this.#next() >>> 0) / 0x1_0000_0000;
  }

  fork(label: string): Random {
    return new SeededRandom(`${this.#seed}/${label}#${this.#forks++}`);
  }

  #next(): number {
    const b = this.#b, c = this.#c, d = this.#d, t = (this.#a + b | 0) + d | 0;
    this.#d = d + 1 | 0;
    this.#a = b ^ b >>> 9;
    this.#b = c + (c << 3) | 0;
    this.#c = (c << 21 | c >>> 11) + t | 0;
    return t;
  }
}

/** cyrb128 (bryc): spreads a text over four words. */
function hash128(text: string): [number, number, number, number] {
  let h1 = 1779033703, h2 = 3144134277, h3 = 1013904242, h4 = 2773480762;
  for (let i = 0; i < text.length; i++) {
    const k = text.charCodeAt(i);
    h1 = h2 ^ Math.imul(h1 ^ k, 597399067);
    h2 = h3 ^ Math.imul(h2 ^ k, 2869860233);
    h3 = h4 ^ Math.imul(h3 ^ k, 951274213);
    h4 = h1 ^ Math.imul(h4 ^ k, 2716044179);
  }
  h1 = Math.imul(h3 ^ h1 >>> 18, 597399067);
  h2 = Math.imul(h4 ^ h2 >>> 22, 2869860233);
  h3 = Math.imul(h1 ^ h3 >>> 17, 951274213);
  h4 = Math.imul(h2 ^ h4 >>> 19, 2716044179);
  return [h1 | 0, h2 | 0, h3 | 0, h4 | 0];
}
