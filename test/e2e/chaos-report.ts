import type { Point } from "../../src/points.ts";

/** One end of the program. */
export interface Kill {
  readonly driver: string;
  /** Where it was killed: by itself at a point, or from outside at a random moment. */
  readonly at: Point | "random";
  /** Jobs that were lent at that moment. */
  readonly inWork: number;
  /** How often a job was lent that had been begun, or was finished, before. */
  readonly again: number;
  readonly livedMs: number;
}

/** What a run of chaos did and saw. */
export interface ChaosReport {
  readonly driver: string;
  readonly kills: readonly Kill[];
  /** What else was done, and how often; `not run: …` where it could not be. */
  readonly disturbances: Readonly<Record<string, number | string>>;
  /** Ends of the program by its own decision, for example because the disk of its ledger was full. */
  readonly stops: number;
  readonly photographs: number;
  readonly jobs: number;
  readonly redeliveries: number;
  readonly seconds: number;
}

/** A table for people: where the program was killed, how often, and with how much in work. */
export function tableOf(reports: readonly ChaosReport[]): string {
  const kills = reports.flatMap((report) => report.kills);
  const drivers = [...new Set(reports.map(({ driver }) => driver))];
  const rows = [...Map.groupBy(kills, ({ at }) => at)].map(([at, its]) => {
    const each = drivers.map((driver) => String(its.filter((kill) => kill.driver === driver).length));
    const most = Math.max(...its.map(({ inWork }) => inWork));
    const mean = its.reduce((sum, { inWork }) => sum + inWork, 0) / its.length;
    return [at, String(its.length), ...each, mean.toFixed(1), String(most)];
  });
  const head = ["killed at", "kills", ...drivers, "jobs in work, mean", "most"];
  const lines = [head, head.map(() => "---"), ...rows.toSorted(([, a], [, b]) => Number(b) - Number(a))];
  const totals = reports.map(
    ({ driver, kills, photographs, jobs, redeliveries, stops, seconds, disturbances }) =>
      `${driver}: ${kills.length} kills, ${photographs} photographs, ${jobs} jobs, ${redeliveries} redeliveries, ${stops} stops of its own, ${seconds} s; ${Object.entries(
        disturbances,
      )
        .map(([what, times]) => `${what} ${times}`)
        .join(", ")}`,
  );
  return [...lines.map((cells) => `| ${cells.join(" | ")} |`), "", ...totals].join("\n");
}
