/** Rules about cores: what every core owes to what runs it (`base/protocol.ts`). @module */

import type { Checker } from "./checker.ts";
import type { Participant } from "../nodes/world.ts";

/** Nothing may be open for longer, ms of virtual time: a lookup (40 s), then a store of as long, waiting for both. */
const ANSWER_MS_MAX = 100_000;

/** Delays are numbers, sends have receivers, and no command is answered twice. */
export function effectsAreSound(): Checker {
  const answered = new WeakMap<Participant, Set<string>>();
  return {
    name: "a core's effects are sound",
    step({ host, core, effects }) {
      for (const effect of effects) {
        if (effect.kind === "timer" && !(effect.afterMs >= 0 && effect.afterMs < Infinity)) {
          return `${core} of node ${host.index} sets a timer for ${effect.afterMs} ms`;
        }
        if (effect.kind === "send" && effect.to.length === 0) return `${core} of node ${host.index} sends to nobody`;
        if (effect.kind !== "answer" && effect.kind !== "fail" || effect.id === 0) continue;
        let mine = answered.get(host);
        if (mine === undefined) answered.set(host, mine = new Set());
        const command = `${core} ${host.epoch} ${effect.id}`;
        if (mine.has(command)) return `${core} of node ${host.index} answers command ${effect.id} twice`;
        mine.add(command);
      }
      return undefined;
    },
  };
}

/** Every lookup, store and call is answered, as long as its node lives. Events wait for a link as long as it takes. */
export function answeredInTime(withinMs: number = ANSWER_MS_MAX): Checker {
  return {
    name: "every question is answered",
    second(hosts, now) {
      for (const host of hosts) {
        for (const { core, type, at } of host.openCommands) {
          if (now - at <= withinMs || core !== "dht" && type !== "call") continue;
          return `node ${host.index} has not answered ${core} ${type} for ${now - at} ms`;
        }
      }
      return undefined;
    },
  };
}
