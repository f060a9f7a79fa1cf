/** A line on a terminal that says how far it is. @module */

const LOOK_MS = 250;

/** Shows a line while a workload runs; nothing where standard error is no terminal. */
export class Progress implements Disposable {
  readonly #write: ((text: string) => void) | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(write: ((text: string) => void) | undefined = terminal()) {
    this.#write = write;
  }

  /** Shows what `line` gives, four times a second, until `done`. */
  show(line: () => string): void {
    this.done();
    const write = this.#write;
    if (write === undefined) return;
    const draw = () => write(`\r\x1b[2K${line()}`);
    draw();
    this.#timer = setInterval(draw, LOOK_MS);
  }

  /** Takes the line away. */
  done(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#write!("\r\x1b[2K");
  }

  [Symbol.dispose](): void {
    this.done();
  }
}

function terminal(): ((text: string) => void) | undefined {
  if (!Deno.stderr.isTerminal()) return undefined;
  const encoder = new TextEncoder();
  return (text) => void Deno.stderr.writeSync(encoder.encode(text));
}
