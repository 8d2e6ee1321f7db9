import type { ConfigFlags } from "../config/layers.ts";
import { parseDayWindow } from "../core/day-window.ts";
import { openDataFolder } from "../data-folder.ts";
import type { Paused } from "../ledger/pauses.ts";
import { type Progress, readProgress } from "../pipeline/progress.ts";
import { printable } from "./printable.ts";
import { configFor } from "./settings.ts";

/** `veil jobs stats`: how far each route is, what went wrong, and how long the rest will take. */
export async function jobStats(flags: ConfigFlags, options: { readonly json?: boolean }): Promise<number> {
  const told = (problem: { readonly message: string }) => process.stderr.write(`veil: ${problem.message}\n`);
  const config = configFor(flags);
  await using data = await openDataFolder(config, told);
  const paused = await data.pauses.read();
  const { window } = config.jobs;
  const now = Date.now();
  const routes = await readProgress(data.ledger, now, window === undefined ? undefined : parseDayWindow(window));
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ paused, routes: routes.map(jsonOf) }, null, 2)}\n`);
    return 0;
  }
  if (routes.length === 0) process.stdout.write("no jobs yet\n");
  for (const progress of routes) process.stdout.write(`${linesOf(progress, paused, now).join("\n")}\n`);
  return 0;
}

function jsonOf({ oldestWaitingAt, ...progress }: Progress): object {
  return {
    ...progress,
    ...(oldestWaitingAt !== undefined && { oldestWaitingAt: new Date(oldestWaitingAt).toISOString() }),
  };
}

function linesOf(progress: Progress, paused: Paused, now: number): string[] {
  const { route, states, classes, left, retries, oldestWaitingAt, perMinute, secondsLeft } = progress;
  const isPaused = paused.all || paused.routes.includes(route);
  const rest = secondsLeft === undefined || isPaused ? "" : `, about ${duration(secondsLeft)}`;
  const oldest = oldestWaitingAt === undefined ? "" : `, the oldest for ${duration((now - oldestWaitingAt) / 1000)}`;
  const lines: (readonly [string, string])[] = [
    ["states", listOf(states)],
    ["left", left === 0 ? "nothing" : `${left}${oldest}${rest}`],
    ["pace", `${perMinute} a minute`],
    ["retries", String(retries)],
    ["dead", listOf(classes.dead)],
    ["held", listOf(classes.held)],
    ["trying again", listOf(classes.failed)],
  ];
  const shown = lines.filter(([, text]) => text !== "");
  return [
    `${printable(route)}${isPaused ? " (paused)" : ""}`,
    ...shown.map(([name, text]) => `  ${name.padEnd(13)} ${text}`),
  ];
}

function listOf(counts: Readonly<Partial<Record<string, number>>>): string {
  const some = Object.entries(counts).filter(([, count]) => count !== 0);
  return some.map(([name, count]) => `${count} ${name}`).join(", ");
}

/** Seconds in the largest unit that gives two of them. */
export function duration(seconds: number): string {
  const units = [
    [86_400, "days"],
    [3600, "hours"],
    [60, "minutes"],
  ] as const;
  const [size, name] = units.find(([length]) => seconds >= 2 * length) ?? [1, "seconds"];
  return `${Math.round(seconds / size)} ${name}`;
}
