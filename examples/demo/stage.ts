/** A part of the demo as it sees itself: it says lines on standard output and hears words on standard input. @module */

/** Where a part speaks and listens: the conductor reads the one and writes the other. */
export interface Stage {
  say(text: string): void;
  /** Resolves when the conductor has said the word. */
  hears(word: string): Promise<void>;
}

/** Standard output and input. When the input ends, the conductor is gone: then so are we. */
export function openStage(): Stage {
  const heard = new Set<string>(), waiting = new Map<string, () => void>();
  void (async () => {
    for await (const word of textLines(Deno.stdin.readable)) {
      heard.add(word);
      waiting.get(word)?.();
    }
    Deno.exit(1);
  })();
  return {
    say: (text) => console.log(text),
    hears: (word) => heard.has(word) ? Promise.resolve() : new Promise((resolve) => waiting.set(word, resolve)),
  };
}

/** A stream of bytes as lines. */
export async function* textLines(bytes: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const piece of bytes.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
