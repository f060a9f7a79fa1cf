/**
 * One process of a run. Its argument says what it is (JSON); then it prints `{"event":"ready"}`, takes one command per
 * line and prints `{"event":"done"}` or `{"event":"failed"}` for each. It ends with its standard input.
 *
 * @module
 */

import { type SystemName, SYSTEMS } from "../system/catalogue.ts";
import { sharedClock } from "./clock.ts";
import { type Command, ROLES, type RoleSettings } from "./roles.ts";

const settings: RoleSettings = JSON.parse(Deno.args[0]!);

globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  fail(event.reason);
});

try {
  const adapter = await SYSTEMS[settings.system as SystemName].load();
  let clock: (() => number) | undefined;
  const role = await ROLES[settings.role]({
    adapter,
    settings,
    get now() {
      return clock ??= sharedClock(); // takes 7 ms, which a hub, whose start is measured, does not need
    },
  });
  say({ event: "ready", address: role.address });
  for await (const line of lines()) {
    const command: Command = JSON.parse(line);
    // Not awaited: a command that waits does not keep the next one from starting.
    role.commands[command.name]!(command).then((answer) => say({ event: "done", ...answer }), fail);
  }
} catch (error) {
  fail(error);
}
Deno.exit(0);

function fail(reason: unknown): void {
  say({ event: "failed", text: reason instanceof Error ? reason.stack ?? reason.message : String(reason) });
}

function say(event: Readonly<Record<string, unknown>>): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(event)}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

async function* lines(): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}
