import { type Alerts, createAlerts } from "../alerts/alerts.ts";
import type { Config } from "../config.ts";
import type { DataFolder } from "../data-folder.ts";
import { openAlertChannels } from "../drivers.ts";
import type { Problem } from "../errors.ts";
import type { Logger } from "../log.ts";

export interface AlertParts {
  readonly data: Pick<DataFolder, "sqlite" | "ledger">;
  /** What signs them, where the configuration names no other file. */
  readonly secretFile: string;
  /** Whether this process sends today's summary. */
  readonly isSummaryMine: () => Promise<boolean>;
  readonly log: Logger;
  readonly onProblem: (problem: Problem) => void;
}

/** Alerts by the channels that the configuration names; each is logged too. */
export async function openAlerts(
  config: Config,
  { data: { sqlite, ledger }, secretFile, isSummaryMine, log, onProblem }: AlertParts,
): Promise<Alerts> {
  const { intervalMinutes, summaryHour } = config.alerts;
  return createAlerts({
    ...{ sqlite, ledger, channels: await openAlertChannels(config, secretFile), intervalMs: intervalMinutes * 60_000 },
    ...{ summaryHour, isSummaryMine, onProblem },
    log: ({ kind, route, message }) => log.error({ alert: kind, route }, message),
  });
}
