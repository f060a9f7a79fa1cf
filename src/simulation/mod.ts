/**
 * Hundreds or thousands of nodes in one process, on a virtual clock, replayable from a seed: the protocol cores of
 * production, and in the place of sockets, clocks and keys a network that is drawn from the seed.
 *
 *     agenda: what happens next ──▶ host: which core ──▶ core ──▶ effects ──▶ host: send, timer, answer ──▶ agenda
 *                                                          └──▶ checkers: does every rule hold?
 *
 * For whole `Mesh` handles with promises on a virtual clock see `simulateMesh`. This here has no promises: an answer is a
 * `Pending`, and `wait` lets virtual time pass until it is there.
 *
 * @module
 */

export { type Checker, SimulationFailure } from "./checkers/checker.ts";
export { standardCheckers } from "./checkers/standard.ts";
export type { Application, CallSettings, Delivered, Handler, Pending } from "./nodes/application.ts";
export type { CoreMakers, Cores } from "./nodes/cores.ts";
export type { Host } from "./nodes/host.ts";
export type { AnyMessage, CoreName } from "./nodes/passage.ts";
export type { Step } from "./nodes/world.ts";
export { simulate, Simulation } from "./simulation.ts";
export type { SimulationOptions } from "./settings.ts";
