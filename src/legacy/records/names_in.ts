/** The names that come up in messages and commands. @module */

import { isTopic } from "../../names/mod.ts";
import type { PubsubCommand } from "../../pubsub/messages.ts";
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

/** The topics that a message names: of patterns those that are one. */
export function topicsIn(message: Message): readonly string[] {
  if (message.kind === "publish" || message.kind === "burst") return [message.topic];
  return message.kind === "subscribe" ? message.topics.filter(isTopic) : NONE;
}

/** The procedure that a command names. */
export function procedureIn(command: RpcCommand | PubsubCommand): string | undefined {
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

/** The topic that a command names; events are heard of as messages. */
export function topicIn(command: RpcCommand | PubsubCommand): string | undefined {
  return command.type === "subscribe" && isTopic(command.pattern) ? command.pattern : undefined;
}
