/** The systems that can be measured, and what the measuring process must know of each. @module */

import type { Adapter } from "./system.ts";

/** The systems by their short names. */
export type SystemName = "macula" | "bare" | "nats" | "mosquitto" | "libp2p";

/** A broker that is a program of its own. */
export interface Broker {
  /** The program's path. */
  readonly program: string;
  /** How it is installed. */
  readonly install: string;
  /** Its arguments; it listens on TCP at `port` of 127.0.0.1. */
  arguments(port: number, folder: string): string[];
}

/** One system. */
export interface SystemEntry {
  /** As the table's head says it. */
  readonly title: string;
  /** Needs packages of `bench/peers.json` instead of the project's import map. */
  readonly peer: boolean;
  readonly broker?: Broker;
  /** Whether publishers and responders listen themselves also where the others go through a hub. */
  readonly hubless?: boolean;
  /** Of the usual number of events and calls; slow systems get fewer. */
  readonly share: number;
  /** How long its overlay needs after the last subscription, ms. */
  readonly settleMs: number;
  readonly load: () => Promise<Adapter>;
}

/** Everything that is known, ours first. */
export const SYSTEMS: Readonly<Record<SystemName, SystemEntry>> = {
  macula: {
    title: "macula",
    peer: false,
    share: 1,
    settleMs: 100,
    load: async () => (await import("./macula.ts")).macula,
  },
  bare: {
    title: "bare QUIC",
    peer: false,
    share: 1,
    settleMs: 100,
    load: async () => (await import("./relay.ts")).relay,
  },
  nats: {
    title: "NATS",
    peer: true,
    share: 1,
    settleMs: 100,
    broker: {
      program: Deno.env.get("NATS_SERVER") ?? "/usr/sbin/nats-server",
      install: "apt-get install -y --no-install-recommends nats-server",
      arguments: (port) => ["-a", "127.0.0.1", "-p", String(port)],
    },
    load: async () => (await import("./nats.ts")).nats,
  },
  mosquitto: {
    title: "mosquitto",
    peer: true,
    share: 0.5,
    settleMs: 100,
    broker: {
      program: Deno.env.get("MOSQUITTO") ?? "/usr/sbin/mosquitto",
      install: "apt-get install -y --no-install-recommends mosquitto",
      arguments(port, folder) {
        const path = `${folder}/mosquitto.conf`;
        Deno.writeTextFileSync(path, mosquittoSettings(port));
        return ["-c", path];
      },
    },
    load: async () => (await import("./mosquitto.ts")).mosquitto,
  },
  libp2p: {
    title: "js-libp2p",
    peer: true,
    hubless: true,
    share: 0.1,
    settleMs: 3_000,
    load: async () => (await import("./libp2p.ts")).libp2p,
  },
};

/** Unbounded queues, so that nothing is dropped at QoS 0; nothing is kept on disk. */
function mosquittoSettings(port: number): string {
  return [
    `listener ${port} 127.0.0.1`,
    "allow_anonymous true",
    "persistence false",
    "set_tcp_nodelay true",
    "max_inflight_messages 0",
    "max_queued_messages 0",
    "log_type error",
    "",
  ].join("\n");
}
