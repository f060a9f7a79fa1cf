/** What one process of a run can be. @module */

import type { Adapter, Client, Hub, Place } from "../system/system.ts";
import { latencies } from "./latency.ts";
import { pace } from "./pace.ts";
import { PAYLOAD_BYTES, payloads } from "./payload.ts";
import { Subscriber } from "./subscriber.ts";
import { windowed } from "./windowed.ts";

/** The roles. */
export type RoleName = "hub" | "publisher" | "subscriber" | "responder" | "caller" | "crowd" | "prober";

/** How a process is told what it is; given as JSON in its only argument. */
export interface RoleSettings {
  readonly system: string;
  readonly role: RoleName;
  readonly folder: string;
  /** The hub to attach to; a role that can listen does so where it is absent. */
  readonly address?: string;
  /** Connections of a subscriber or crowd. */
  readonly connections?: number;
}

/** A command and its numbers. */
export interface Command {
  readonly name: string;
  readonly count?: number;
  readonly perSecond?: number;
  readonly inFlight?: number;
  readonly timed?: boolean;
  readonly address?: string;
}

/** What a command answers: plain JSON. */
export type Answer = Readonly<Record<string, unknown>>;

/** A role that is ready. */
export interface Role {
  /** Where others reach it, if it listens. */
  readonly address?: string;
  readonly commands: Readonly<Record<string, (command: Command) => Promise<Answer>>>;
}

/** What a role is made with. */
export interface RoleWorld {
  readonly adapter: Adapter;
  readonly settings: RoleSettings;
  /** ms on a scale that all processes of the machine share. Taken before a role is ready: to make it takes 7 ms. */
  readonly now: () => number;
}

const TOPIC = "bench.measured", PROCEDURE = "bench.echo";
/** Subscriptions that are asked for at once. */
const SUBSCRIPTIONS_IN_FLIGHT = 500;
/** Connections that are opened at once. */
const DIALS_IN_FLIGHT = 16;
const CLOSE_MS = 20;

/** Makes a process what the settings say. */
export const ROLES: Readonly<Record<RoleName, (world: RoleWorld) => Promise<Role>>> = {
  async hub(world) {
    const { address } = await listen(world);
    return { address, commands: { collect } };
  },

  async publisher(world) {
    const { client, address } = await attachOrListen(world), bodies = payloads(), { now } = world;
    return {
      ...address,
      commands: {
        async pump({ count = 0 }) {
          const startedAt = now();
          await client.pump(TOPIC, bodies, count);
          return { startedAt, endedAt: now() };
        },
        pace: async ({ count = 0, perSecond = 1_000 }) => ({
          ...await pace((payload) => client.publish(TOPIC, payload), count, perSecond, now),
        }),
      },
    };
  },

  async subscriber(world) {
    const { connections = 1 } = world.settings, subscriber = new Subscriber(connections, world.now);
    for (let i = 0; i < connections; i++) {
      const client = await attach(world);
      await client.subscribe(TOPIC, (payload) => subscriber.receive(i, payload));
    }
    return {
      commands: {
        expect({ count = 0, timed = false }) {
          subscriber.expect(count, timed);
          return Promise.resolve({});
        },
        received: async () => ({ ...await subscriber.received() }),
      },
    };
  },

  async responder(world) {
    const { client, address } = await attachOrListen(world);
    await client.serve(PROCEDURE, (request) => request);
    return { ...address, commands: {} };
  },

  async caller(world) {
    const client = await attach(world), { now } = world;
    return { commands: { call: ({ count = 0, inFlight = 1 }) => callMany(client, count, inFlight, now) } };
  },

  crowd: (world) => crowd(world),

  prober({ adapter, settings, now }) {
    const place: Place = settings;
    return Promise.resolve({
      commands: {
        async probe({ address = "" }) {
          const [subscriber, publisher] = await Promise.all([
            adapter.connect(address, place),
            adapter.connect(address, place),
          ]);
          const served = Promise.withResolvers<number>();
          await subscriber.subscribe(TOPIC, () => served.resolve(now()));
          publisher.publish(TOPIC, payloads()(0));
          return { servedAt: await served.promise };
        },
      },
    });
  },
};

/** Many connections that do little. */
async function crowd(world: RoleWorld): Promise<Role> {
  const { connections = 0 } = world.settings, { adapter, settings, now } = world;
  const clients: Client[] = [];
  await inBatches(connections, DIALS_IN_FLIGHT, async () => void clients.push(await attach(world)));
  return {
    commands: {
      /** Patterns that no measured event matches, of three kinds, spread over the connections. */
      async subscribe({ count = 0 }) {
        await inBatches(count, SUBSCRIPTIONS_IN_FLIGHT, async (index) => {
          const patterns = [`bench.other${index}`, `bench.*.other${index}`, `other${index}.**`];
          await clients[index % clients.length]!.subscribe(patterns[index % 3]!, () => {
            throw new Error("Cannot measure: a pattern that matches nothing is expected, got an event");
          });
        });
        return {};
      },
      async dial({ count = 0, inFlight = 1 }) {
        const startedAt = now(), durations: number[] = [];
        await windowed(count, inFlight, (_index, done) => {
          const dialledAt = now();
          adapter.dial!(settings.address!, settings).then((connection) => {
            durations.push(now() - dialledAt);
            setTimeout(() => connection.close(), CLOSE_MS); // a peer that has just answered is not cut off
            done();
          });
        });
        return { perSecond: count / (now() - startedAt) * 1_000, ...latencies(durations) };
      },
    },
  };
}

async function callMany(client: Client, count: number, inFlight: number, now: () => number): Promise<Answer> {
  const request = payloads()(0), durations: number[] = [];
  const startedAt = now();
  const call = async () => {
    const calledAt = now(), { length } = await client.call(PROCEDURE, request);
    if (length !== PAYLOAD_BYTES) throw new Error(`Cannot count a call: ${PAYLOAD_BYTES} bytes are due, got ${length}`);
    durations.push(now() - calledAt);
  };
  if (inFlight === 1) { for (let i = 0; i < count; i++) await call(); }
  else await windowed(count, inFlight, (_index, done) => void call().then(done));
  return { answered: durations.length, perSecond: count / (now() - startedAt) * 1_000, ...latencies(durations) };
}

/** Gives back memory that is only not collected yet; nothing where the process cannot (`--expose-gc`). */
function collect(): Promise<Answer> {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  return Promise.resolve({ collected: gc !== undefined });
}

async function listen({ adapter, settings }: RoleWorld): Promise<Hub> {
  return await adapter.listen!(settings);
}

async function attach({ adapter, settings }: RoleWorld): Promise<Client> {
  return await adapter.connect(settings.address!, settings);
}

async function attachOrListen(world: RoleWorld): Promise<{ client: Client; address: { address?: string } }> {
  if (world.settings.address !== undefined) return { client: await attach(world), address: {} };
  const hub = await listen(world);
  return { client: hub, address: { address: hub.address } };
}

async function inBatches(count: number, size: number, operation: (index: number) => Promise<void>): Promise<void> {
  for (let from = 0; from < count; from += size) {
    const length = Math.min(size, count - from);
    await Promise.all(Array.from({ length }, (_, offset) => operation(from + offset)));
  }
}
