/** The chat's inner parts: who is there, what was said, what is typed, and files that come in pieces. @module */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { parseCommand } from "../../examples/chat/command.ts";
import { download } from "../../examples/chat/download.ts";
import { History } from "../../examples/chat/history.ts";
import { Roster } from "../../examples/chat/roster.ts";
import { CHUNK_BYTES, readNotice, readText } from "../../examples/chat/vocabulary.ts";

const ann = { name: "ann", node: "a".repeat(64) }, bob = { name: "bob", node: "b".repeat(64) };

Deno.test("roster: who is silent for too long is gone, who left comes back only by joining", () => {
  const roster = new Roster(100);
  assert(roster.hear(ann, 0));
  assert(roster.hear(bob, 50));
  assert(!roster.hear(bob, 60));
  assert.deepEqual(roster.expire(101), [ann]);
  assert(roster.leave(bob.node, 110));
  assert(!roster.hear(bob, 120), "it was on its way");
  assert.deepEqual(roster.merge([{ ...bob, age: 10 }, { ...ann, age: 100 }], 120), [], "too old, or left");
  assert(roster.hear(bob, 130, "join"));
  roster.renew(1_000);
  assert.deepEqual(roster.expire(1_050), []);
  assert.deepEqual(roster.list(1_050), [{ ...bob, age: 50 }]);
});

Deno.test("history: the last ten, each once, in order", () => {
  const history = new History(), said = (at: number) => ({ ...ann, id: String(at), text: `text ${at}`, at });
  history.add([said(2), said(1)]);
  history.add([said(2), ...Array.from({ length: 10 }, (_, index) => said(index + 3))]);
  assert.deepEqual(history.last.map(({ at }) => at), [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

Deno.test("commands", () => {
  assert.deepEqual(parseCommand("hi there"), { do: "say", text: "hi there" });
  assert.deepEqual(parseCommand("//who"), { do: "say", text: "/who" });
  assert.deepEqual(parseCommand("/dm ann a  b"), { do: "dm", to: "ann", text: "a  b" });
  assert.deepEqual(parseCommand("/send my file.txt"), { do: "send", path: "my file.txt" });
  assert.deepEqual(parseCommand("/wait message 3 2"), { do: "wait", event: "message", count: 3, seconds: 2 });
  for (const wrong of ["/join", "/dm ann", "/wait message x", "/nonsense"]) assert.throws(() => parseCommand(wrong));
});

Deno.test("what others say is checked before it is shown", () => {
  assert.equal(readText("a\x1b[2Jb\u202ec"), "a [2Jb c");
  assert.equal(readText("x".repeat(65)), undefined);
  assert.equal(readNotice("chat.lobby.message", { name: "ann", text: 5 }), undefined);
  assert.equal(
    readNotice("chat.lobby.file", { name: "ann", title: "x", bytes: -1, sha256: "0".repeat(64) }),
    undefined,
  );
  assert.deepEqual(readNotice("chat.lobby.typing", { name: "ann" }), { kind: "typing", name: "ann" });
});

Deno.test("download: pieces are tried again, a broken one goes on where it was, a wrong hash is refused", async () => {
  const folder = await Deno.makeTempDir(), bytes = randomBytes(10 * CHUNK_BYTES + 5);
  const offer = { title: "../a b.bin", bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  const piece = (index: number) => new Uint8Array(bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES));
  const asked: number[] = [];
  let broken = true;
  const fetchChunk = async (index: number) => {
    asked.push(index);
    if (index === 6 && broken) throw new RangeError("gone");
    if (index === 1 && asked.filter((one) => one === 1).length < 3) throw new Error("again");
    return piece(index);
  };
  const mayPass = (error: unknown) => !(error instanceof RangeError);
  await assert.rejects(download(offer, { folder, fetchChunk, mayPass }), /gone/);
  broken = false;
  asked.length = 0;
  const progress: number[] = [];
  const done = await download(offer, { folder, fetchChunk, mayPass, onProgress: (bytes) => progress.push(bytes) });
  assert.equal(done.resumedAt, 6 * CHUNK_BYTES);
  assert.equal(Math.min(...asked), 6);
  assert.equal(progress.at(-1), bytes.length);
  assert.equal(done.path, join(folder, "__a b.bin"));
  assert(bytes.equals(await Deno.readFile(done.path)));
  assert.notEqual((await download(offer, { folder, fetchChunk, mayPass })).path, done.path, "nothing is overwritten");
  const wrong = { ...offer, sha256: "0".repeat(64) };
  await assert.rejects(download(wrong, { folder, fetchChunk, mayPass }), /its hash is 0000/);
  const short = async () => new Uint8Array(3);
  await assert.rejects(download(wrong, { folder, fetchChunk: short, mayPass: () => false }), /piece 0 has 32768 bytes/);
  const empty = { title: "empty", bytes: 0, sha256: createHash("sha256").digest("hex") };
  assert.equal((await Deno.stat((await download(empty, { folder, fetchChunk, mayPass })).path)).size, 0);
  await Deno.remove(folder, { recursive: true });
});
