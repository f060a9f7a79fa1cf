/**
 * Gives every test a time limit: one that hangs, in a wait or in a loop, fails by name and the others go on. It is
 * loaded before the tests, with `--preload`.
 *
 * @module
 */

/**
 * How long a test may take, ms: a quarter of what continuous integration gives all of them, and more than ten times what
 * the longest takes where nothing else runs.
 */
const TEST_MS_MAX = 300_000;

type Definition = Omit<Deno.TestDefinition, "name"> & { name?: string };

const { test } = Deno;

/** Deno's own, for all its ways of being called; what a test says itself counts. */
function limited(...told: readonly (string | Definition | Deno.TestDefinition["fn"])[]): void {
  const definition: Partial<Deno.TestDefinition> = { timeout: TEST_MS_MAX };
  for (const part of told) {
    if (typeof part === "string") definition.name = part;
    else if (typeof part === "function") definition.fn = part;
    else Object.assign(definition, part);
  }
  definition.name ??= definition.fn!.name;
  test(definition as Deno.TestDefinition);
}

Object.assign(Deno, { test: Object.assign(limited, test) });
