/** The scenarios as real processes over QUIC: a bootstrap, two gateways and three edges, each in one of its own. @module */

import { until } from "../conformance/deadline.ts";
import { freeTcpPort } from "../conformance/ports.ts";
import { TestGateway } from "../end_to_end/program.ts";
import { EdgeProcess } from "./edge_driver.ts";
import { type Site, type SiteGateway, testScenarios } from "./scenarios.ts";

async function processes(): Promise<Site> {
  await using started = new AsyncDisposableStack();
  const ports = new Set<number>();
  while (ports.size < 3) ports.add(freeTcpPort()); // two that start together are not to draw the same
  const [first, ...others] = ports;
  const gateway = async (port: number | undefined, ...args: readonly string[]) => {
    const gateway = started.use(await TestGateway.start([...args, "--http-port", `${port}`]));
    return { gateway, seen: seen(gateway) };
  };
  const bootstrap = await gateway(first), { ticket } = bootstrap.gateway;
  const gateways = [bootstrap, ...await Promise.all(others.map((port) => gateway(port, "--bootstrap", ticket)))];
  const edges = await Promise.all(gateways.map(({ gateway }) => EdgeProcess.start(gateway.ticket)));
  for (const edge of edges) started.use(edge);
  const all = started.move();
  return {
    gateways: gateways.map(({ seen }) => seen) as unknown as Site["gateways"],
    edges: edges as unknown as Site["edges"], // what the scenarios use of them
    now: () => Date.now(),
    until: (what, condition) => until(condition, what),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function seen({ program }: TestGateway): SiteGateway {
  const http = /^http (\S+)$/m.exec(program.stdout)![1]!;
  return {
    id: /^ready gateway (\w+) /m.exec(program.stderr)![1]!,
    async healthy() {
      const answers = await Promise.all(["/health", "/ready"].map((path) => fetch(http + path)));
      await Promise.all(answers.map((answer) => answer.body?.cancel()));
      return answers.every(({ status }) => status === 200);
    },
  };
}

testScenarios("as processes over QUIC", processes);
