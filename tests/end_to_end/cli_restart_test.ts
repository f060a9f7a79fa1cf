/**
 * Starting without `--unstable-net`, and with no more permissions than were printed. Deno reads the flag also from
 * `deno.json`, which is why these tests start the program with `--no-config`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { soon, until } from "../conformance/deadline.ts";
import { isAlive } from "../conformance/processes.ts";
import { startRegistry } from "./local_registry.ts";
import { configure } from "./outside/folder.ts";
import { type Outcome, Program, ROOT, runProgram } from "./program.ts";

const WITHOUT_QUIC = { flags: ["-A", "--no-config"] };

function gatewayArgs(folder: string): string[] {
  return ["gateway", "--listen", "127.0.0.1:0", "--http-port", "0", "--state-dir", folder];
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "macula-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("with every permission it restarts, passes signals on, and exits with the child's code", () =>
  inFolder(async (folder) => {
    await using parent = new Program(gatewayArgs(folder), WITHOUT_QUIC);
    const pid = Number(await parent.line(/^pid (\d+)$/m));
    assert.notEqual(pid, parent.pid);
    await parent.line(/^ready gateway/m);
    const second = await runProgram(gatewayArgs(folder), WITHOUT_QUIC);
    assert.deepEqual([second.code, second.stdout], [1, ""]);
    assert.match(second.stderr, new RegExp(`^macula: .*got process ${pid}; .*\n$`));
    Deno.kill(pid, "SIGINT"); // Ctrl-C on a terminal reaches both
    parent.kill("SIGINT");
    const { code, stderr } = await soon(parent.ended, "draining");
    assert.equal(code, 0, stderr);
    assert.match(stderr, /left\n$/);
  }));

Deno.test("a restarted child does not outlive its parent", () =>
  inFolder(async (folder) => {
    await using parent = new Program(gatewayArgs(folder), WITHOUT_QUIC);
    const pid = Number(await parent.line(/^pid (\d+)$/m));
    try {
      parent.kill("SIGKILL");
      await until(() => !isAlive(pid), "the child's end");
    } finally {
      if (isAlive(pid)) Deno.kill(pid, "SIGKILL");
    }
  }));

Deno.test("with less than every permission it says what to run, and starts nothing", () =>
  inFolder(async (folder) => {
    const scoped: string[][] = [
      ["--allow-run", `--allow-read=${folder}`, "--allow-env"],
      ["--allow-run", "--allow-read", "--allow-write", "--allow-net", "--allow-env", "--allow-sys"],
      ["-A", "--deny-read=/etc"],
      ["-A", "--deny-net=192.0.2.1"],
      [],
    ];
    const outcomes: Outcome[] = await Promise.all(
      scoped.map((flags) => runProgram(gatewayArgs(folder), { flags: ["--no-config", "--no-prompt", ...flags] })),
    );
    for (const [index, { code, stdout, stderr }] of outcomes.entries()) {
      assert.deepEqual([code, stdout], [2, ""], scoped[index]!.join(" "));
      assert.match(
        stderr,
        /^macula: Cannot use QUIC without --unstable-net; run: deno run --unstable-net --allow-net.*\n$/,
      );
      assert.ok(stderr.includes(`${ROOT}cli.ts gateway --listen 127.0.0.1:0`), stderr);
    }
    assert.deepEqual([...Deno.readDirSync(folder)], [], "nothing was written");
  }));

Deno.test("it never restarts twice", () =>
  inFolder(async (folder) => {
    const env = { MACULA_RESTARTED_BY: String(Deno.pid) };
    const { code, stderr } = await runProgram(gatewayArgs(folder), { ...WITHOUT_QUIC, env });
    assert.equal(code, 2);
    assert.match(stderr, /^macula: Cannot use QUIC without --unstable-net; run: deno run /);
  }));

Deno.test("the command that is printed works, and has no more than it says", () =>
  inFolder(async (folder) => {
    const flags = ["--no-config", "--no-prompt", "--allow-run", "--allow-env", `--allow-read=${folder}`];
    const { stderr } = await runProgram(gatewayArgs(folder), { flags });
    const words = stderr.trim().replace(/^.*; run: deno run /, "").replaceAll("'", "").split(" ");
    const at = words.indexOf(`${ROOT}cli.ts`);
    await using gateway = new Program(words.slice(at + 1), { flags: ["--no-prompt", ...words.slice(0, at)] });
    await gateway.line(/^ready gateway/m);
    assert.ok(!words.slice(0, at).some((word) => /allow-(all|run|ffi|sys)|^-A$/.test(word)), words.join(" "));
    gateway.kill("SIGTERM");
    assert.equal((await gateway.ended).code, 0);
  }));

/** Flags that a command says it needs, with which alone it is then started. */
async function printedFlags(args: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await runProgram([...args, "--print-permissions"]);
  assert.equal(code, 0, stderr);
  return ["--no-prompt", ...stdout.trim().split(" ")];
}

Deno.test("with exactly the printed permissions and --no-prompt everything works", () =>
  inFolder(async (folder) => {
    const start = async (args: string[]) => new Program(args, { flags: await printedFlags(args) });
    const finish = async (args: string[]) => await runProgram(args, { flags: await printedFlags(args) });
    const at = ["--state-dir", folder];
    await using gateway = await start(["gateway", "--listen", "127.0.0.1:0", "--http-port", "0", ...at]);
    await gateway.line(/^ready gateway/m);
    const [subscriber, server, peer] = await Promise.all([
      start(["sub", "demo.**", "--count", "1", ...at]),
      start(["serve", "text.cat", "--exec", "cat", ...at]),
      start(["peer", ...at]),
    ]);
    await using programs = new AsyncDisposableStack();
    for (const program of [subscriber, server, peer]) programs.use(program);
    for (const program of [subscriber, server, peer]) await program.line(/^ready .*/m);
    const published = await finish(["pub", "demo.a", "1", ...at]);
    assert.equal(published.code, 0, published.stderr);
    assert.equal((await subscriber.ended).code, 0);
    const called = await finish(["call", "text.cat", '{"a":1}', ...at]);
    assert.deepEqual([called.code, called.stdout], [0, '{"a":1}\n'], called.stderr);
    for (const program of [server, peer]) program.kill("SIGINT");
    assert.deepEqual([(await server.ended).code, (await peer.ended).code], [0, 0]);
    const stopped = await finish(["stop", ...at]);
    assert.equal(stopped.code, 0, stopped.stderr);
    assert.equal((await gateway.ended).code, 0);
  }));

Deno.test("deno run -A jsr:@macula/mesh --gateway runs from a registry", () =>
  inFolder(async (folder) => {
    await using registry = await startRegistry();
    await configure(folder, {});
    const denoDir = `${folder}/deno`;
    await Deno.mkdir(denoDir);
    await Deno.symlink(`${await cacheFolder()}/npm`, `${denoDir}/npm`); // packages are not fetched again
    const env = { JSR_URL: registry.url, DENO_DIR: denoDir }, module = "jsr:@macula/mesh", cwd = folder;
    const args = ["--gateway", "--listen", "127.0.0.1:0", "--http-port", "0", "--state-dir", `${folder}/state`];
    await using gateway = new Program(args, { flags: ["-A"], module, env, cwd });
    const pid = Number(await gateway.line(/^pid (\d+)$/m));
    assert.notEqual(pid, gateway.pid, "it was restarted");
    await gateway.line(/^ready gateway/m);
    const at = { flags: ["-A", "--unstable-net"], module, env, cwd };
    const published = await runProgram(["pub", "a.b", "1", "--state-dir", `${folder}/state`], at);
    assert.equal(published.code, 0, published.stderr);
    assert.equal(JSON.parse(published.stdout).recipients, 0);
    gateway.kill("SIGINT");
    assert.equal((await soon(gateway.ended, "leaving")).code, 0);
  }));

async function cacheFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"], stderr: "null" }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}
