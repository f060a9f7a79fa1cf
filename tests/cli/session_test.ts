/** Attaching to the gateway of this machine, whose state folder may still have what another one left. @module */

import assert from "node:assert/strict";
import { RefusedError } from "../../src/base/errors.ts";
import { parseArguments } from "../../src/cli/options.ts";
import { attach } from "../../src/cli/session.ts";
import { Settings } from "../../src/cli/settings.ts";
import { GATEWAY_FILE } from "../../src/cli/target.ts";
import { startGateway } from "../../src/gateway/start.ts";
import { SILENT } from "../../src/mesh/options.ts";
import { formatTicket, parseRealm, parseTicket } from "../../src/names/mod.ts";
import { openStateFolder } from "../../src/store/mod.ts";
import { soon, until } from "../conformance/deadline.ts";

Deno.test("a ticket that was left of another realm gives way to that of a gateway which is just starting", async () => {
  const path = await Deno.makeTempDir({ prefix: "macula-" });
  const { positionals, flags } = parseArguments(["stats", "--state-dir", path]);
  const settings = new Settings({ positionals, flags }, {});
  const attached = () => attach(settings, { logger: SILENT });
  try {
    await using gateway = await startGateway({ realm: "org.example.new", listen: { port: 0 } });
    const turnedAway = () => gateway.stats().refused.wrong_realm ?? 0;
    const old = formatTicket({ ...parseTicket(gateway.ticket), realm: parseRealm("org.example.old") });
    await using folder = await openStateFolder(path, { lock: true }); // as the one that is starting has it
    await folder.writeTicket(old);
    const attaching = attached();
    await until(() => turnedAway() === 1, "its first attempt, by the old ticket");
    await folder.writeTicket(gateway.ticket);
    await folder.writeText(GATEWAY_FILE, "{}\n");
    await using mesh = await soon(attaching, "its second one, by the new");
    assert.equal(mesh.realm, "org.example.new");
    await folder.writeTicket(old);
    await assert.rejects(soon(attached(), "an end"), (error) => error instanceof RefusedError);
    assert.equal(turnedAway(), 2, "where no other ticket comes it is not tried again");
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});
