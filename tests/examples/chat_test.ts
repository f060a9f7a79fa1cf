/** The chat, as users run it: processes of their own on one gateway. @module */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { Program, startGatewayProgram } from "./program.ts";

/** Who is not heard for three of them is taken for gone: so long no process is kept waiting for its turn. */
const BEAT_MS = 1_000;

Deno.test("three users in two rooms: presence, talk, who, history, typing, files, a killed one", async (t) => {
  const { gateway, ticket } = await startGatewayProgram(), folder = await Deno.makeTempDir();
  await using _gateway = gateway;
  const settings = ["--ticket", ticket, "--json", "--beat", String(BEAT_MS)];
  const user = (name: string, room: string, ...more: string[]) => {
    const own = ["--name", name, "--room", room, "--downloads", join(folder, name)];
    return new Program(name, "examples/chat/main.ts", ...settings, ...own, ...more);
  };
  await using ann = user("ann", "lobby");
  const { node: annNode } = await ann.line({ type: "ready" });
  await ann.line({ type: "joined", room: "lobby" });
  await ann.type("first of all");
  await ann.line({ type: "message", text: "first of all", own: true });
  await using bob = user("bob", "lobby"), carla = user("carla", "den", "--accept");

  await t.step("who joins is seen, and sees who is here", async () => {
    await ann.line({ type: "presence", name: "bob", room: "lobby", change: "join" });
    assert.deepEqual(namesOf(await bob.line({ type: "joined", room: "lobby" })), ["ann", "bob"]);
    assert.deepEqual(namesOf(await carla.line({ type: "joined", room: "den" })), ["carla"]);
  });
  await t.step("messages and typing stay in their room", async () => {
    await carla.type("is this the den?");
    await carla.line({ type: "message", text: "is this the den?" });
    await bob.type("/typing");
    await ann.line({ type: "typing", name: "bob", room: "lobby" });
    await bob.type("hello ann");
    const message = await ann.line({ type: "message", text: "hello ann", own: false });
    assert.equal(message.name, "bob");
    assert(!ann.lines.some((line) => line.room === "den"));
    assert(!carla.lines.some((line) => line.room === "lobby"));
  });
  await t.step("anybody may ask who is in a room", async () => {
    await carla.type("/who lobby");
    assert.deepEqual(namesOf(await carla.line({ type: "who", room: "lobby" })), ["ann", "bob"]);
    await carla.type("/who attic");
    assert.deepEqual(namesOf(await carla.line({ type: "who", room: "attic" })), []);
  });
  await t.step("a newcomer gets the last ten messages from those in the room", async () => {
    for (let n = 1; n <= 10; n++) await bob.type(`message ${n}`);
    await ann.line({ type: "message", text: "message 10" });
    await carla.type("/join lobby");
    await carla.line({ type: "joined", room: "lobby" });
    await carla.type("/history");
    const { messages } = await carla.line({ type: "history", room: "lobby" });
    const texts = messages.map(({ text }: { text: string }) => text);
    assert.deepEqual(texts, Array.from({ length: 10 }, (_, index) => `message ${index + 1}`));
    await ann.line({ type: "presence", name: "carla", room: "lobby", change: "join" });
  });
  await t.step("direct messages reach one user only, across rooms", async () => {
    await ann.type("/dm carla for your eyes only");
    await ann.line({ type: "direct_sent", name: "carla" });
    await carla.line({ type: "direct", name: "ann", node: annNode, text: "for your eyes only" });
    assert(!bob.lines.some((line) => line.type === "direct"));
    await ann.type("/dm nobody x");
    await ann.line({ type: "error", text: "Nobody is called nobody" });
  });
  await t.step("a file of 300 KB arrives intact, by itself or when asked for", async () => {
    const bytes = randomBytes(300_000), path = join(folder, "picture.bin");
    await Deno.writeFile(path, bytes);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    await ann.type(`/send ${path}`);
    await bob.line({ type: "offer", sha256, title: "picture.bin", bytes: 300_000 });
    await bob.type(`/get ${sha256.slice(0, 8)}`);
    for (const receiver of [bob, carla]) {
      const { path } = await receiver.line({ type: "received", sha256 });
      assert(bytes.equals(await Deno.readFile(path)));
      await receiver.line({ type: "progress", done: 300_000 });
    }
  });
  await t.step("a killed user is gone after some beats", async () => {
    bob.kill();
    for (const witness of [ann, carla]) {
      await witness.line({ type: "presence", name: "bob", room: "lobby", change: "gone" });
    }
    await ann.type("/who");
    assert.deepEqual(namesOf(await ann.line({ type: "who", room: "lobby" })), ["ann", "carla"]);
  });
  await t.step("who leaves says so, and the program ends with its input", async () => {
    await carla.type("/leave lobby");
    await ann.line({ type: "presence", name: "carla", room: "lobby", change: "leave" });
    await carla.type("/quit");
    await ann.endInput();
    assert.deepEqual(await Promise.all([ann.ended(), carla.ended()]), [0, 0]);
    await ann.line({ type: "bye" });
  });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a script ends with 1 when a command failed, and its lines are readable", async () => {
  const { gateway, ticket } = await startGatewayProgram(), script = await Deno.makeTempFile();
  await using _gateway = gateway;
  const run = (...more: string[]) => new Program("dora", "examples/chat/main.ts", "--ticket", ticket, ...more);
  await Deno.writeTextFile(script, "hello\n/wait message 1\n/who\n/quit\n");
  await using good = run("--name", "dora", "--script", script);
  await good.text(/^\d\d:\d\d:\d\d #lobby dora: hello$/);
  await good.text(/^\* in #lobby: dora$/);
  assert.equal(await good.ended(), 0);
  await Deno.writeTextFile(script, "/wait message 1 0.1\n");
  await using bad = run("--name", "dora", "--script", script);
  await bad.text(/^! Cannot wait longer: 1 of message expected, got 0$/);
  assert.equal(await bad.ended(), 1);
  await using wrong = run("--name", "two words");
  assert.equal(await wrong.ended(), 2);
  assert.match(wrong.texts[0]!, /^Cannot use as a name: .*, got "two words"$/);
  await Deno.remove(script);
});

function namesOf({ users }: { users?: { name: string }[] }): string[] {
  return users!.map(({ name }) => name);
}
