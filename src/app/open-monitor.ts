import type { Config } from "../config.ts";
import type { MonitorParts } from "../http/monitor.ts";
import type { Logger } from "../log.ts";
import { listen } from "./listen.ts";

/** Answers monitors at an address of their own, where one is set. Problem invalid-config where it can't be had. */
export async function openMonitor(
  { monitor: { host, port } }: Pick<Config, "monitor">,
  parts: MonitorParts,
  log: Logger,
): Promise<AsyncDisposable> {
  if (host === undefined) return { async [Symbol.asyncDispose]() {} };
  const { createMonitorServer } = await import("../http/monitor.ts");
  const server = await createMonitorServer(parts, log);
  await listen(server, { host, port, section: "monitor." });
  log.info({ address: server.listeningOrigin }, "monitors are answered at an address of their own");
  return {
    async [Symbol.asyncDispose]() {
      server.server.closeAllConnections();
      await server.close();
    },
  };
}
