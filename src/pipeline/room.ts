import type { Stats } from "node:fs";
import { lstat, readdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import { createBell } from "../bell.ts";
import { Problem, toProblem } from "../errors.ts";

/** How full the fullest place is: 1 and more is full. */
export interface Fill {
  readonly share: number;
  /** Which place, and how full, for a person; no paths. */
  readonly words: string;
}

/** Whether there is room for more work. */
export interface Room {
  /** At most a second old. */
  look(): Promise<Fill>;
  /**
   * Problem no-room where there is none: for whom can come again. `taken` is how many bytes came into the spool since
   * the last time: they count before the next look does. Problem too-large where `whole`, all that is to come in one
   * request, is more than the spool ever holds.
   */
  require(taken?: number, whole?: number): Promise<void>;
  /** Resolves when there is room, or when the signal aborts: for whom can wait. */
  wait(signal: AbortSignal): Promise<void>;
  /** Looks now and then even while nothing asks, so that alerts come in time; ends when the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

export interface RoomOptions {
  /** The folder whose files count against the quota. */
  readonly spool: string;
  readonly spoolBytes: number;
  /** On the disk of each of these folders, which routes bring and take away, the reserve stays free. */
  disks(): readonly { readonly name: string; readonly folder: string }[];
  readonly reserveBytes: number;
  /** Told once when it gets tight, once when it is full, and again only after there was room in between. */
  onAlert(alert: { readonly kind: "room"; readonly message: string; readonly at: number }): void;
  readonly onProblem: (problem: Problem) => void;
  readonly cacheMs?: number;
}

/** From here on somebody is told. */
const tight = 0.8;
/** A disk is tight below this many reserves. */
const tightReserves = 2;
const idleMs = 10_000;

/** Measures the spool against its quota and the disks against their reserve. */
export function createRoom(options: RoomOptions): Room {
  const { spool, spoolBytes, disks, reserveBytes, onAlert, onProblem, cacheMs = 1000 } = options;
  let looked = { at: Number.NEGATIVE_INFINITY, fill: { share: 0, words: "empty" } as Fill };
  let looking: Promise<Fill> | undefined;
  let used = 0;
  let takenSince = 0;
  let told: "nothing" | "tight" | "full" = "nothing";

  async function measure(): Promise<Fill> {
    takenSince = 0;
    used = await bytesIn(spool);
    const fills: Fill[] = [
      { share: used / spoolBytes, words: `the spool holds ${mib(used)} of ${mib(spoolBytes)} MiB (limits.spoolMb)` },
    ];
    for (const { name, folder } of disks()) {
      // What can't be measured, because it is gone, is no lack of room; who writes to it says so.
      const disk = await statfs(folder).catch((error: unknown) => onProblem(toProblem(error)));
      if (disk === undefined) continue;
      const { bavail, bsize } = disk;
      const free = bavail * bsize;
      const share = free <= reserveBytes ? 1 : tightShare(free);
      const words = `the disk of ${name} has ${mib(free)} MiB free, ${mib(reserveBytes)} are reserved (limits.reserveMb)`;
      fills.push({ share, words });
    }
    return fills.reduce((fullest, fill) => (fill.share > fullest.share ? fill : fullest));
  }

  /** 0.8 at twice the reserve, nearing 1 towards the reserve. */
  function tightShare(free: number): number {
    if (reserveBytes === 0) return 0;
    const reserves = free / reserveBytes;
    return reserves <= tightReserves ? 1 - (reserves - 1) * (1 - tight) : (tight * tightReserves) / reserves;
  }

  function tell({ share, words }: Fill): void {
    const now = share >= 1 ? "full" : share >= tight ? "tight" : "nothing";
    const worse = now === "full" ? told !== "full" : now === "tight" && told === "nothing";
    if (worse) {
      const what = now === "full" ? "No new work is taken until there is room" : "Room runs out";
      onAlert({ kind: "room", message: `${what}: ${words}`, at: Date.now() });
    }
    // Around a limit it would be told again and again: only real room counts.
    if (worse || now === "nothing") told = now;
  }

  function look(): Promise<Fill> {
    if (performance.now() - looked.at < cacheMs) return Promise.resolve(looked.fill);
    // One at a time: a disk that hangs must not take a thread for each second.
    looking ??= measure()
      .catch((error: unknown) => {
        onProblem(toProblem(error));
        return looked.fill;
      })
      .then((fill) => {
        looked = { at: performance.now(), fill };
        tell(fill);
        return fill;
      })
      .finally(() => {
        looking = undefined;
      });
    return looking;
  }

  return {
    look,
    async require(taken = 0, whole = 0) {
      if (whole >= spoolBytes) {
        const quota = `${mib(spoolBytes)} MiB (limits.spoolMb)`;
        throw new Problem("too-large", `The request is larger than all that may lie in the spool, ${quota}`, {
          remedy: "Raise limits.spoolMb, or send less at once.",
        });
      }
      takenSince += taken;
      const { share, words } = await look();
      if (share < 1 && used + takenSince < spoolBytes) return;
      const detail = share < 1 ? "the spool's quota (limits.spoolMb) is used up" : words;
      throw new Problem("no-room", `No room for more work: ${detail}`, { remedy: "Send it again later." });
    },
    async wait(signal) {
      const clock = createBell();
      while (!signal.aborted && (await look()).share >= 1) await clock.wait(cacheMs, signal);
    },
    async run(signal) {
      const clock = createBell();
      while (!signal.aborted) {
        await look();
        await clock.wait(idleMs, signal);
      }
    },
  };
}

const mib = (bytes: number) => Math.round(bytes / 2 ** 20);

/** What comes and goes meanwhile counts as nothing. */
async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(unlessGone([]));
  let bytes = 0;
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += await bytesIn(path);
    else {
      const { size, nlink } = await lstat(path).catch(unlessGone<Pick<Stats, "size" | "nlink">>({ size: 0, nlink: 1 }));
      // An engine process gets an original by a second name of the same file.
      bytes += size / Math.max(1, nlink);
    }
  }
  return bytes;
}

function unlessGone<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return instead;
    throw error;
  };
}
