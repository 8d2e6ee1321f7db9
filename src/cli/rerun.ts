import type { ConfigFlags } from "../config/layers.ts";
import { routesOf } from "../config.ts";
import { openDataFolder } from "../data-folder.ts";
import { placesIn } from "../data-places.ts";
import { disksOf } from "../disks.ts";
import { Problem } from "../errors.ts";
import { createKeyFilter } from "../pipeline/key-filter.ts";
import { type Rerun, rerunReasons, rerunRoute } from "../pipeline/rerun.ts";
import { createRoom } from "../pipeline/room.ts";
import { openCommandEngine } from "./engine.ts";
import { duration } from "./jobs-stats.ts";
import { configFor } from "./settings.ts";

const words = {
  policy: "masked under another policy",
  model: "found with another model",
  operator: "masked by another operator",
  version: "made by another veil",
} as const;

/** `veil jobs rerun`: what a route has delivered and would be made differently today is masked again. */
export async function rerunJobs(
  flags: ConfigFlags,
  name: string,
  options: { readonly dryRun?: boolean; readonly key?: string; readonly json?: boolean },
): Promise<number> {
  const config = configFor(flags);
  const routes = routesOf(config);
  const settings = routes.get(name);
  if (settings === undefined) {
    const names = [...routes.keys()].join(", ");
    throw new Problem("invalid-request", `Expected one of ${names} for the route but received ${name}`);
  }
  const told = (problem: Problem) => process.stderr.write(`veil: ${problem.message}\n`);
  await using data = await openDataFolder(config, told);
  const { input } = data.openRoute(name, settings, config.stores);
  await using engine = await openCommandEngine(config);
  const { limits } = config;
  const disks = await disksOf(config);
  const room = createRoom({
    ...{ spool: placesIn(config.dataDir).spool, spoolBytes: limits.spoolMb * 2 ** 20 },
    ...{ disks: () => disks, reserveBytes: limits.reserveMb * 2 ** 20, onProblem: told },
    onAlert: ({ message }) => process.stderr.write(`veil: ${message}\n`),
  });
  const { ledger, queue, installationKey } = data;
  const { policy } = settings;
  const { key, dryRun = false } = options;
  const done = await rerunRoute(
    {
      ...{ ledger, queue, installationKey, route: { name, policy }, input, room },
      ...{ detector: await engine.pool.detector(), signal: engine.signal },
    },
    { dryRun, ...(key !== undefined && { selects: createKeyFilter({ include: [key], exclude: [] }) }) },
  );
  if (options.json) process.stdout.write(`${JSON.stringify(done, null, 2)}\n`);
  else process.stdout.write(`${linesOf(done, dryRun, config.engine.processes).join("\n")}\n`);
  return engine.signal.aborted ? 1 : 0;
}

function linesOf({ due, reasons, admitted, gone, changed, meanMs }: Rerun, dryRun: boolean, processes: number) {
  const lines = rerunReasons
    .filter((reason) => reasons[reason] > 0)
    .map((reason) => `${reasons[reason]} ${words[reason]}`);
  if (gone > 0) lines.push(`${gone} more can't be: their originals are gone, moved or deleted`);
  if (changed > 0) lines.push(`${changed} more have changed since, and come as new versions by themselves`);
  const time = meanMs === undefined || due === 0 ? "" : `, about ${duration((due * meanMs) / processes / 1000)}`;
  lines.push(dryRun ? `${due} would be masked again${time}` : `${admitted} will be masked again${time}`);
  return lines;
}
