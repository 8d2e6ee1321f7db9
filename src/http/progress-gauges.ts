import { Gauge, type Registry } from "prom-client";
import type { Paused } from "../pipeline/pauses.ts";
import type { Progress } from "../pipeline/progress.ts";

export interface ProgressFigures {
  progress(): Promise<readonly Progress[]>;
  paused(): Paused;
}

/** What each route's jobs wait for and how long it will take, asked once at scrape time. */
export function addProgressGauges(registers: Registry[], { progress, paused }: ProgressFigures): void {
  const gauge = (name: string, help: string, labelNames: readonly string[] = ["route"]) =>
    new Gauge({ name, help, labelNames: [...labelNames], registers });
  const states = gauge("veil_route_jobs", "Jobs by route and state.", ["route", "state"]);
  const left = gauge("veil_route_jobs_left", "Jobs that are not finished.");
  const retries = gauge("veil_route_retries", "Attempts beyond each job's first.");
  const oldest = gauge("veil_route_oldest_waiting_seconds", "How long the oldest job that is not finished has waited.");
  const pace = gauge("veil_route_jobs_per_minute", "Jobs that ended, over the last minutes.");
  const rest = gauge("veil_route_left_seconds", "How long the rest will take at that pace; absent: nothing moves.");
  const isPaused = gauge("veil_route_paused", "1 where somebody has paused the route, or all.");
  const all = [states, left, retries, oldest, pace, rest, isPaused];
  new Gauge({
    name: "veil_route_troubles",
    help: "Jobs that are dead, held, or wait for another attempt, by class.",
    labelNames: ["route", "state", "class"],
    registers,
    async collect() {
      this.reset();
      for (const one of all) one.reset();
      const now = Date.now();
      const { all: everything, routes } = paused();
      for (const { route, classes, ...its } of await progress()) {
        for (const [state, jobs] of Object.entries(its.states)) states.set({ route, state }, jobs);
        left.set({ route }, its.left);
        retries.set({ route }, its.retries);
        oldest.set({ route }, its.oldestWaitingAt === undefined ? 0 : (now - its.oldestWaitingAt) / 1000);
        pace.set({ route }, its.perMinute);
        if (its.secondsLeft !== undefined) rest.set({ route }, its.secondsLeft);
        isPaused.set({ route }, everything || routes.includes(route) ? 1 : 0);
        for (const [state, counts] of Object.entries(classes))
          for (const [name, jobs] of Object.entries(counts)) this.set({ route, state, class: name }, jobs);
      }
    },
  });
}
