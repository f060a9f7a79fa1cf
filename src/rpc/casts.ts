/** Calls that want no answer. @module */

import { equalBytes, utf8 } from "../base/bytes.ts";
import type { Effect, Peer, Refusal } from "../base/protocol.ts";
import type { Cast } from "../wire/mod.ts";
import type { Links } from "./links.ts";
import type { RpcEvent, RpcMessage, RpcTimer } from "./messages.ts";
import type { LocalProvider, ProviderEntry, Providers } from "./providers.ts";
import type { RpcOptions } from "./options.ts";
import { select } from "./selection.ts";

/** What a cast is sent by. */
export interface CastWays {
  readonly providers: Providers;
  readonly links: Links;
  /** Our own hub. */
  readonly up: Peer | undefined;
  /** Those of a list that are worth a try. */
  readonly awake: (list: readonly ProviderEntry[]) => readonly ProviderEntry[];
}

/**
 * Who gets a cast: a link, a handler here, or nobody. A cast goes to one provider, and one that came `from` a link
 * goes at most one link further.
 */
export function castTo(
  cast: Cast,
  { providers, links, up, awake }: CastWays,
  { hub, node, random }: Pick<RpcOptions, "hub" | "node" | "random">,
  from: Peer | undefined,
): Peer | LocalProvider | undefined {
  const { procedure, targetNode: target, fromNode: caller = node } = cast;
  const above = from === undefined ? up : undefined;
  if (target !== undefined && !equalBytes(target, node)) return hub ? links.to(target) : above;
  const candidates = providers.of(procedure).filter((one) => one.local || hub && target === undefined);
  const chosen = select(awake(candidates), {
    strategy: "local_first",
    turn: providers.turn(procedure) ?? 0,
    caller,
    random,
  });
  if (chosen === undefined) return target === undefined ? above : undefined;
  if (!chosen.local) return chosen.peer;
  return chosen.running < chosen.concurrency ? chosen : undefined;
}

/** Tells who sent a cast that it may not, as nobody waits for an answer that could say so. */
export function refuseCast(cast: Cast, refusal: Refusal): readonly Effect<RpcMessage, RpcTimer, RpcEvent>[] {
  const { peer, code, text } = refusal, about = utf8(cast.procedure);
  return [
    { kind: "event", event: refusal },
    { kind: "send", to: peer, message: { kind: "error", about, code, text }, lane: "control" },
  ];
}
