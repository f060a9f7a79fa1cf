#!/usr/bin/env -S deno run -A --unstable-net
/**
 * The command line: `deno task macula <command> …`, or `deno run -A jsr:@macula/mesh <command> …`.
 *
 * @module
 */

import { main } from "./src/cli/main.ts";

if (import.meta.main) await main();
