import type { Alert } from "../alerts/alert.ts";
import type { Config } from "../config.ts";
import { parseDayWindow } from "../core/day-window.ts";
import type { DataFolder } from "../data-folder.ts";
import { disksOf } from "../disks.ts";
import type { Problem } from "../errors.ts";
import { createPace, type Pace } from "../pipeline/pace.ts";
import { type WatchedPauses, watchPauses } from "../pipeline/pauses.ts";
import { type Progress, readProgress } from "../pipeline/progress.ts";
import { createRoom, type Room } from "../pipeline/room.ts";

/** What work waits for, and how far it is. */
export interface WorkLimits {
  readonly room: Room;
  readonly paused: WatchedPauses;
  readonly pace: Pace;
  progress(): Promise<readonly Progress[]>;
  /** The disks whose room counts are those of that configuration's routes from now on. */
  measureFor(config: Config): Promise<void>;
}

export interface WorkLimitsParts {
  readonly data: Pick<DataFolder, "ledger" | "pauses">;
  /** Folder of temporary files. */
  readonly spool: string;
  readonly onAlert: (alert: Alert) => void;
  readonly onProblem: (problem: Problem) => void;
}

const MiB = 2 ** 20;

export async function createWorkLimits(
  config: Config,
  { data: { ledger, pauses }, spool, onAlert, onProblem }: WorkLimitsParts,
): Promise<WorkLimits> {
  const { limits, jobs } = config;
  let disks = await disksOf(config);
  const room = createRoom({
    ...{ spool, spoolBytes: limits.spoolMb * MiB, reserveBytes: limits.reserveMb * MiB },
    ...{ disks: () => disks, onAlert, onProblem },
  });
  const paused = await watchPauses(pauses, onProblem);
  const window = jobs.window === undefined ? undefined : parseDayWindow(jobs.window);
  return {
    room,
    paused,
    pace: createPace({ room, paused: paused.current, ratePerMinute: jobs.ratePerMinute, window }),
    progress: () => readProgress(ledger, Date.now(), window),
    async measureFor(next) {
      disks = await disksOf(next);
    },
  };
}
