/** The names that come up in messages and commands. @module */

import type { RpcCommand } from "../../rpc/messages.ts";
import type { Message } from "../../wire/mod.ts";

const NONE: readonly string[] = [];

/** The procedures that a message names. */
export function proceduresIn(message: Message): readonly string[] {
  switch (message.kind) {
    case "rpcRequest":
    case "cast":
      return [message.procedure];
    case "advertise":
      return message.procedures;
    default:
      return NONE;
  }
}

/** The procedure that a command names. */
export function procedureIn(command: RpcCommand): string | undefined {
  switch (command.type) {
    case "call":
      return command.request.procedure;
    case "cast":
      return command.cast.procedure;
    case "advertise":
    case "providers":
      return command.procedure;
    default:
      return undefined;
  }
}
