/** Exit codes and the one line that goes with them. @module */

import assert from "node:assert/strict";
import {
  MeshError,
  NoProviderError,
  RefusedError,
  RemoteError,
  TimeoutError,
  ValidationError,
} from "../../src/base/errors.ts";
import { exitCodeOf, failureText } from "../../src/cli/failure.ts";
import { OutputClosed, printable, toJson } from "../../src/cli/output.ts";
import { DialError } from "../../src/transport/transport.ts";

Deno.test("every kind of error has its exit code", () => {
  const codes: [unknown, number][] = [
    [new ValidationError("x"), 2],
    [new MeshError("no_target", "x"), 2],
    [new MeshError("restart_denied", "x"), 2],
    [new NoProviderError("x"), 3],
    [new TimeoutError("x"), 3],
    [new MeshError("node_unreachable", "x", { retryable: true }), 3],
    [new MeshError("connection_lost", "x", { retryable: true }), 3],
    [new MeshError("unavailable", "x", { retryable: true }), 3],
    [new MeshError("provider_lost", "x", { retryable: true }), 3],
    [new RefusedError("realm_unknown", "x"), 4],
    [new RemoteError("timeout", "the handler's own"), 1],
    [new DialError("unreachable", "x"), 3],
    [new DialError("untrusted", "x"), 1],
    [new DialError("refused", "x"), 1],
    [new MeshError("address_in_use", "x"), 1],
    [new TypeError("x"), 1],
    ["x", 1],
    [new OutputClosed(), 0],
  ];
  for (const [error, code] of codes) assert.equal(exitCodeOf(error), code, String(error));
});

Deno.test("what others say cannot steer a terminal, and is of bounded length", () => {
  const said = new RefusedError("x", "Cannot \u001b[2J\u009b31m\r\u202e: no\u0007");
  assert.equal(
    printable(failureText(said, { stack: false })!),
    "macula: Cannot \\u001b[2J\\u009b31m\\u000d\\u202e: no\\u0007",
  );
  const long = failureText(new RefusedError("x", "y".repeat(60_000)), { stack: false })!;
  assert.deepEqual([long.length, long.at(-1)], [4_096 + "macula: ".length, "…"]);
  const value = { text: "a\u001b[1m\u007f\u009b\u2028\u202eb\n\u00e9" }, line = toJson(value);
  assert.deepEqual(JSON.parse(line), value);
  assert.match(line, /^[\x20-\x7e\u00a0-\u00ff]*$/);
});

Deno.test("an error is one line; a stack only where it is asked for", () => {
  const text = (error: unknown) => failureText(error, { stack: false });
  assert.equal(text(new ValidationError("Cannot x:\n  y")), "macula: Cannot x: y");
  assert.equal(text(new RemoteError("bad_input", "no such room")), "macula: bad_input: no such room");
  assert.equal(text(new TypeError("x is not a function")), "macula: TypeError: x is not a function");
  assert.equal(text(new OutputClosed()), undefined);
  const whole = failureText(new MeshError("x", "outer", { cause: new Error("inner") }), { stack: true })!;
  assert.match(whole, /^macula: outer\n.*outer\n(.*\n)+.*inner\n/);
});

Deno.test("values print as one line of JSON", () => {
  const values: [unknown, string][] = [
    [{ a: [1, "zwei", null] }, '{"a":[1,"zwei",null]}'],
    [undefined, "null"],
    [new Uint8Array([1, 2, 255]), '{"base64":"AQL/"}'],
    ["a\nb", '"a\\nb"'],
  ];
  for (const [value, text] of values) assert.equal(toJson(value), text);
});
