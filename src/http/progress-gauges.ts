import { Gauge, type Registry } from "prom-client";
import type { Paused } from "../ledger/pauses.ts";
import type { Progress } from "../pipeline/progress.ts";

export interface ProgressFigures {
  progress(): Promise<readonly Progress[]>;
  paused(): Paused;
}

/** What each route's jobs wait for and how long it will take, asked once for all gauges of a scrape. */
export function addProgressGauges(registers: Registry[], { progress, paused }: ProgressFigures): void {
  let asked: Promise<readonly Progress[]> | undefined;
  const ask = () => {
    asked ??= progress().finally(() => {
      asked = undefined;
    });
    return asked;
  };

  /** `values` gives labels beside the route, and their number. */
  function gauge(
    name: string,
    help: string,
    values: (progress: Progress) => readonly (readonly [Readonly<Record<string, string>>, number])[],
    labels: readonly string[] = [],
  ): void {
    new Gauge({
      ...{ name, help, registers, labelNames: ["route", ...labels] },
      async collect() {
        const routes = await ask();
        this.reset();
        for (const one of routes)
          for (const [more, value] of values(one)) this.set({ route: one.route, ...more }, value);
      },
    });
  }
  const one = (name: string, help: string, value: (progress: Progress) => number | undefined) =>
    gauge(name, help, (progress) => {
      const number = value(progress);
      return number === undefined ? [] : [[{}, number]];
    });

  gauge(
    "veil_route_jobs",
    "Jobs by route and state.",
    ({ states }) => Object.entries(states).map(([state, jobs]) => [{ state }, jobs]),
    ["state"],
  );
  gauge(
    "veil_route_troubles",
    "Jobs that are dead, held, or wait for another attempt, by class.",
    ({ classes }) =>
      Object.entries(classes).flatMap(([state, counts]) =>
        Object.entries(counts).map(([name, jobs]) => [{ state, class: name }, jobs] as const),
      ),
    ["state", "class"],
  );
  one("veil_route_jobs_left", "Jobs that are not finished.", ({ left }) => left);
  one("veil_route_retries", "Attempts beyond each job's first.", ({ retries }) => retries);
  one("veil_route_oldest_waiting_seconds", "How long the oldest job that is not finished has waited.", (progress) =>
    progress.oldestWaitingAt === undefined ? 0 : (Date.now() - progress.oldestWaitingAt) / 1000,
  );
  one("veil_route_jobs_per_minute", "Jobs that ended, over the last minutes.", ({ perMinute }) => perMinute);
  one(
    "veil_route_left_seconds",
    "How long the rest will take at that pace; absent: nothing moves.",
    (progress) => progress.secondsLeft,
  );
  one("veil_route_paused", "1 where somebody has paused the route, or all.", ({ route }) =>
    paused().all || paused().routes.includes(route) ? 1 : 0,
  );
}
