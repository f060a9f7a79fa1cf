/**
 * Nodes of the original, Macula 0.20, beside ours: its peers at our gateways (`gate.ts`), and our edges at its gateways
 * (`outbound/`). Either becomes a link like every other, with a translation at its far end, so that the node, its cores
 * and its applications do not know of it. `docs/PROTOCOL.md` section 9 says what the original does and what we do.
 *
 *     CONNECT ─▶ at the door ─▶ seated ─▶ last stream ended, or the node ended the link ─▶ gone
 *                    └─ another realm, an id that is somebody else's, too many ─▶ turned away
 *
 * @module
 */

export type { LegacyStats } from "./counters.ts";
export { LegacyGate } from "./gate.ts";
export type { GateNode, Known, Question } from "./gate_options.ts";
export { originalDialler } from "./outbound/establish.ts";
export { type LegacyOptions, parseAllow } from "./policy.ts";
