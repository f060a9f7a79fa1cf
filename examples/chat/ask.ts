/** Asking those in a room, when there is no server to ask. @module */

import type { Mesh } from "@macula/mesh";

/** How long a member has to answer, ms: one may have been killed a moment ago, another be on a slow machine. */
const ANSWER_MS = 5_000;
/** Members that are asked at most. */
const ASKED_MAX = 3;

/** The answers of up to three providers, the longest-standing first; empty when there is nobody. */
export async function askSome(mesh: Mesh, procedure: string, args: unknown): Promise<unknown[]> {
  const providers = (await mesh.discover(procedure)).filter(({ node }) => node !== mesh.id);
  const since = (metadata: Readonly<Record<string, unknown>> = {}) => Number(metadata.since ?? Infinity);
  const asked = providers.sort((a, b) => since(a.metadata) - since(b.metadata)).slice(0, ASKED_MAX);
  const answers = await Promise.allSettled(
    asked.map(({ node }) => mesh.callTo(node, procedure, args, { timeout: ANSWER_MS })),
  );
  return answers.flatMap((answer) => answer.status === "fulfilled" ? [answer.value] : []);
}
