/**
 * The transport contract in one process: no sockets, no encryption, all time handed in. For tests and the simulator.
 *
 * @module
 */

export { issueMemoryLeaf } from "./leaf.ts";
export { MemoryNetwork, type MemoryNetworkOptions } from "./network.ts";
