import { createBell } from "../bell.ts";
import { type DayWindow, inDayWindow } from "../core/day-window.ts";
import type { Lane } from "../core/job.ts";
import type { Paused } from "../ledger/pauses.ts";
import type { Room } from "./room.ts";

/** When a lane may begin its next job. What a person waits for is held up by a lack of room alone. */
export interface Pace {
  /** Resolves when the lane may begin a job, or when the signal aborts. */
  ready(lane: Lane, signal: AbortSignal): Promise<void>;
  /** Routes whose jobs are to be left in the queue. */
  pausedRoutes(lane: Lane): readonly string[];
}

export interface PaceOptions {
  readonly room: Pick<Room, "wait">;
  paused(): Paused;
  /** Of the bulk lane; absent: as fast as it goes. */
  readonly ratePerMinute?: number | undefined;
  /** Of the bulk lane, in local time; absent: always. */
  readonly window?: DayWindow | undefined;
  /** Milliseconds since 1970. */
  now?(): number;
  /** How late the end of a pause or a window's begin may be noticed. */
  readonly pollMs?: number;
}

/** Holds the bulk lane to its window, its rate and its pauses, and both lanes to the room that there is. */
export function createPace(options: PaceOptions): Pace {
  const { room, paused, ratePerMinute, window, now = Date.now, pollMs = 500 } = options;
  const gapMs = ratePerMinute === undefined ? 0 : 60_000 / ratePerMinute;
  let nextAt = 0;

  const isClosed = () => paused().all || (window !== undefined && !inDayWindow(window, minuteOfDay(now())));

  return {
    async ready(lane, signal) {
      if (lane === "bulk") {
        const clock = createBell();
        // Each takes its turn before it waits for it: they come one after the other.
        const turn = Math.max(nextAt, performance.now());
        nextAt = turn + gapMs;
        while (!signal.aborted && (isClosed() || turn > performance.now()))
          await clock.wait(isClosed() ? pollMs : Math.min(pollMs, turn - performance.now()), signal);
      }
      await room.wait(signal);
    },
    pausedRoutes: (lane) => (lane === "bulk" ? paused().routes : []),
  };
}

/** In local time. */
export function minuteOfDay(at: number): number {
  const time = new Date(at);
  return time.getHours() * 60 + time.getMinutes();
}
