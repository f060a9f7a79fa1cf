/**
 * An edge in a process of its own, driven over standard input and output: `edge_process.ts <ticket>`. A line is one
 * JSON object; handlers of procedures run at the driver, which is told of each call.
 *
 * @module
 */

import { type CallContext, connect, type Mesh, type Service } from "../../mod.ts";
import type { FromEdge, ToEdge, Told } from "./edge_driver.ts";

const output = new TextEncoder();

function tell(message: FromEdge): void {
  const line = output.encode(`${JSON.stringify(message)}\n`);
  for (let written = 0; written < line.length;) written += Deno.stdout.writeSync(line.subarray(written));
}

/** What an exception says of itself. */
function told(error: unknown): Told {
  const { name, code, message, retryable } = error as Told;
  return { name, code, message, retryable };
}

/** The calls that are handled now, each waiting for what its driver answers. */
const handling = new Map<number, PromiseWithResolvers<unknown>>();
const services = new Map<number, Service>();
let invocations = 0;

function handler(service: number): (args: unknown, context: CallContext) => Promise<unknown> {
  return (args, { caller, signal }) => {
    const invocation = ++invocations, waiting = Promise.withResolvers<unknown>();
    handling.set(invocation, waiting);
    signal.addEventListener("abort", () => tell({ type: "aborted", invocation, error: told(signal.reason) }));
    tell({ type: "invoked", invocation, service, args, caller });
    return waiting.promise.finally(() => handling.delete(invocation));
  };
}

async function run(mesh: Mesh, command: ToEdge): Promise<unknown> {
  switch (command.type) {
    case "ping":
      return await mesh.ping(command.node);
    case "call":
      return await mesh.call(command.procedure, command.args, command.options);
    case "discover":
      return await mesh.discover(command.procedure, command.options);
    case "advertise": {
      const { service, procedure, options } = command,
        made = await mesh.advertise(procedure, handler(service), options);
      services.set(service, made);
      return made.confirmation;
    }
    case "unadvertise":
      return await services.get(command.service)?.close();
    case "handled":
      return handling.get(command.invocation)?.resolve(command.result);
    case "failed":
      return handling.get(command.invocation)?.reject(new Error(command.text));
  }
}

await using mesh = await connect(Deno.args[0]);
const about = () => ({ type: "state", id: mesh.id, status: mesh.status, links: mesh.links() } as const);
tell(about());
mesh.addEventListener("statuschange", () => tell(about()));
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
let rest = "";
for await (const text of lines) {
  const whole = (rest + text).split("\n");
  rest = whole.pop()!;
  for (const line of whole) {
    const command = JSON.parse(line) as ToEdge, { number } = command;
    run(mesh, command).then(
      (result) => tell({ type: "result", number, result }),
      (error) => tell({ type: "error", number, error: told(error) }),
    );
  }
}
