/**
 * Runs the shell snippets of the README as they stand there, from a fresh copy of what git knows, with a stand-in for
 * `npx` that runs this Deno: the only things that change are ports and folders, through the environment.
 *
 * @module
 */

import assert from "node:assert/strict";
import { soon, until } from "../conformance/deadline.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** The shell snippets, in order. */
function snippets(): string[] {
  const text = Deno.readTextFileSync(`${ROOT}README.md`);
  return [...text.matchAll(/```sh\n([^]*?)```/g)].map(([, body]) => body!.trim());
}

/** Everything a process prints, as it comes. */
class Shell implements AsyncDisposable {
  readonly #command: string;
  readonly #child: Deno.ChildProcess;
  out = "";
  readonly status: Promise<Deno.CommandStatus>;

  constructor(command: string, cwd: string, env: Record<string, string>) {
    this.#command = command;
    // exec: what is started is the process itself, so that it can be ended by its pid.
    this.#child = new Deno.Command("bash", {
      args: ["-c", `exec ${command}`],
      cwd,
      env,
      stdout: "piped",
      stderr: "piped",
      stdin: "null",
    }).spawn();
    this.status = this.#child.status;
    for (const stream of [this.#child.stdout, this.#child.stderr]) this.#read(stream);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.out += text;
  }

  prints(pattern: RegExp): Promise<void> {
    return until(() => pattern.test(this.out), `${pattern} in ${JSON.stringify(this.out)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // it has ended by itself
    }
    await soon(this.status, `the end of ${this.#command}`);
  }
}

Deno.test("the README's commands do what it says", async () => {
  const folder = await Deno.makeTempDir({ prefix: "macula-readme-" });
  try {
    await Deno.mkdir(`${folder}/bin`);
    // npx -y deno@2.9.6 task <name> …: `deno task` keeps the process it starts as a child, so run what the task says.
    const npx = `#!/bin/bash\n[ "$1 $2" = "-y deno@2.9.6" ] || exit 9\n[ "$3" = task ] || exit 8\ncase "$4" in\n` +
      `  start) exec ${Deno.execPath()} run -A --unstable-net cli.ts gateway "\${@:5}";;\n` +
      `  macula) exec ${Deno.execPath()} run -A --unstable-net cli.ts "\${@:5}";;\n  test) echo "the tests";;\n  *) exit 7;;\nesac\n`;
    await Deno.writeTextFile(`${folder}/bin/npx`, npx, { mode: 0o755 });
    const env = {
      PATH: `${folder}/bin:${Deno.env.get("PATH")}`,
      MACULA_STATE_DIR: `${folder}/state`,
      MACULA_QUIC_PORT: "0",
      MACULA_HTTP_PORT: "0",
    };
    const [start, test, sub, pub, serve, call, _realm, _several, _fleet, ...rest] = snippets();
    assert.deepEqual(rest, [], "a snippet that this test does not know");
    const run = (command: string | undefined) => new Shell(command!, ROOT, env);
    await using gateway = run(start);
    await gateway.prints(/^ticket macula1/m);
    await gateway.prints(/ready/);
    await using tests = run(test);
    await tests.prints(/the tests/);
    await using subscriber = run(sub);
    await subscriber.prints(/ready/);
    await using publisher = run(pub);
    await publisher.prints(/^\{"id":"[0-9a-f]{32}","recipients":1\}/m);
    await subscriber.prints(/"topic":"demo.kitchen.temp","data":\{"celsius":21.5\}/);
    assert.equal((await soon(subscriber.status, "sub --count 1 ends")).code, 0);
    await using server = run(serve);
    await server.prints(/ready/);
    await using caller = run(call);
    await caller.prints(/\{"a":\[1,"zwei",null\]\}/);
    assert.equal((await soon(caller.status, "call ends")).code, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Runs commands in a folder of their own, where `macula` is the program; what is left running is stopped. */
async function script(lines: string, check: (outcome: { code: number; out: string; log: string }) => void) {
  const folder = await Deno.makeTempDir({ prefix: "macula-readme-" });
  try {
    const macula = `macula() { "${Deno.execPath()}" run -A --unstable-net ${ROOT}cli.ts "$@"; }`;
    const command = new Deno.Command("bash", {
      args: ["-c", `set -e\n${macula}\n${lines}`],
      cwd: folder,
      env: { MACULA_STATE_DIR: `${folder}/state`, MACULA_QUIC_PORT: "0", MACULA_HTTP_PORT: "0" },
      stdout: "piped",
      stderr: "piped",
    });
    const { code, stdout, stderr } = await soon(command.output(), "the end");
    check({ code, out: new TextDecoder().decode(stdout), log: new TextDecoder().decode(stderr) });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the README's five commands set up a realm with credentials", async () => {
  const commands = snippets().find((one) => one.includes("realm init"))!;
  assert.equal(commands.split("\n").length, 5);
  const more = "! macula pub sensor.kitchen.temp 1\nmacula realm inspect @edge.jwt\n";
  await script(`trap 'macula stop >&2; wait' EXIT\n${commands}\n${more}`, ({ code, out, log }) => {
    assert.equal(code, 0, `${out}\n${log}`);
    assert.match(out, /^\{"id":"[0-9a-f]{32}","recipients":0\}$/m);
    assert.match(out, /^\{"verdict":"valid",/m);
    assert.match(log, /^macula: .*this gateway asks for a credential/m, "without one");
    assert.match(log, /stopped \d+/);
  });
});

Deno.test("the README's second gateway joins the first", async () => {
  const commands = snippets().find((one) => one.includes("--bootstrap"))!.replace(":9444", ":0").replace("8081", "0");
  const [join, stats, ...more] = commands.split("\n");
  assert.deepEqual(more, []);
  const leave = `trap 'macula stop --state-dir second >&2; macula stop >&2; wait' EXIT`;
  const first = "macula gateway >&2 &\nuntil macula ticket; do sleep 0.1; done\n";
  const joined = `until { ${stats!.split(" #")[0]} || true; } | grep '"routingTable":1,'; do sleep 0.1; done\n`;
  await script(`${leave}\n${first}${join}\n${joined}`, ({ code, out, log }) => {
    assert.equal(code, 0, `${out}\n${log}`);
    assert.match(out, /"routingTable":1,/);
    assert.equal(log.match(/^stopped \d+$/gm)?.length, 2, log);
  });
});

Deno.test("the README's gateway for a fleet of the original starts", async () => {
  const command = snippets().find((one) => one.includes("--allow-legacy"));
  const leave = "trap 'macula stop >&2; wait' EXIT";
  await script(`${leave}\n${command} &\nuntil macula ticket; do sleep 0.1; done\n`, ({ code, out, log }) => {
    assert.equal(code, 0, `${out}\n${log}`);
    assert.match(log, /legacy peers of Macula 0\.20 are served/);
    assert.match(log, /ready gateway \w+ serves io\.macula\.demo/);
  });
});

Deno.test("the tasks that the README names exist, and run what the test above runs", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)) as {
    tasks: Record<string, string | { command: string }>;
  };
  const commandOf = (name: string) => {
    const task = tasks[name];
    return typeof task === "string" ? task : task?.command;
  };
  assert.equal(commandOf("start"), "deno run -A --unstable-net cli.ts gateway");
  assert.equal(commandOf("macula"), "deno run -A --unstable-net cli.ts");
  for (const [, name] of Deno.readTextFileSync(`${ROOT}README.md`).matchAll(/task ([a-z]+)/g)) {
    assert(commandOf(name!) !== undefined, `deno task ${name}`);
  }
});
