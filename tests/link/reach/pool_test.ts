/** Links between hubs: which are closed, by whom, and when. @module */

import assert from "node:assert/strict";
import type { NodeId } from "../../../src/identity/mod.ts";
import type { Link } from "../../../src/link/link.ts";
import { Pool, POOLED_LINKS_MAX, surplus } from "../../../src/link/reach/pool.ts";
import { ManualTimers } from "../../transport/manual_timers.ts";

/** As much of a link as a pool looks at. */
class FakeLink {
  uses = 0;
  open = true;
  readonly closed: string[] = [];
  readonly peer: { node: string };
  readonly dialled: boolean;

  constructor(node: string, dialled = true) {
    this.peer = { node };
    this.dialled = dialled;
  }

  close(reason: string): Promise<void> {
    this.open = false;
    this.closed.push(reason);
    return Promise.resolve();
  }

  get link(): Link {
    return this as unknown as Link;
  }
}

const isKept = (node: string) => node === "kept";

Deno.test("a link that nobody uses is closed by the end that dialled it, one that is kept never", async () => {
  const timers = new ManualTimers(), pool = new Pool({ timers, idleMs: 1_000, isKept });
  const idle = new FakeLink("a"),
    used = new FakeLink("b"),
    theirs = new FakeLink("c", false),
    kept = new FakeLink("kept");
  for (const one of [idle, used, theirs, kept]) pool.add(one.link);
  for (let i = 0; i < 8; i++) {
    used.uses++;
    await timers.run(200);
  }
  assert.deepEqual([idle, used, theirs, kept].map(({ closed }) => closed), [["idle"], [], [], []]);
  assert.equal(pool.size, 3);
  await timers.run(2_000);
  assert.deepEqual(used.closed, ["idle"]);
  for (const one of [used, theirs, kept]) pool.remove(one.link);
  assert.deepEqual([pool.size, timers.outstanding], [0, 0]);
});

Deno.test("of too many the one goes that was not used for the longest, a kept one last", async () => {
  const timers = new ManualTimers(), pool = new Pool({ timers, isKept });
  const links = Array.from(
    { length: POOLED_LINKS_MAX },
    (_, i) => new FakeLink(i === 0 ? "kept" : `${i}`, i % 2 === 0),
  );
  for (const one of links) pool.add(one.link);
  await timers.run(1_000);
  for (const one of links) if (one !== links[7]) one.uses++;
  const fresh = new FakeLink("new");
  pool.add(fresh.link);
  assert.deepEqual(links.map(({ closed }) => closed.length > 0).indexOf(true), 7);
  assert.equal(pool.size, POOLED_LINKS_MAX);
  await timers.run(1_000);
  for (const one of [...links.slice(1), fresh]) one.uses++;
  pool.add(new FakeLink("newer").link);
  assert.deepEqual(links[0]!.closed, [], "although nobody used it");
  assert.equal(links.filter(({ closed }) => closed.length > 0).length, 2);
  pool.close();
  assert.equal(timers.outstanding, 0);
});

Deno.test("of several links between two hubs the one that the smaller id dialled first stays; its dialler closes a link", () => {
  const ours = () => new FakeLink("5", true), theirs = () => new FakeLink("5", false);
  const gone = (own: string, links: FakeLink[]) =>
    surplus(own as NodeId, links.map(({ link }) => link)).map((link) => links.findIndex((one) => one.link === link));
  const closed = Object.assign(theirs(), { open: false });
  const cases: [string, FakeLink[], number[]][] = [
    ["3", [ours()], []],
    ["3", [ours(), theirs()], []],
    ["7", [ours(), theirs()], [0]],
    ["7", [theirs(), ours()], [1]],
    ["3", [ours(), ours(), theirs()], [1]],
    ["7", [ours(), ours()], [1]],
    ["7", [ours(), theirs(), ours()], [0, 2]],
    ["7", [theirs(), theirs()], []],
    ["7", [ours(), closed], []],
    ["3", [], []],
  ];
  for (const [own, links, expected] of cases) assert.deepEqual(gone(own, links), expected, `${own} ${links.length}`);
});
