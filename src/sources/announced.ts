import type { Bell } from "../bell.ts";
import { unlessAborted } from "../core/until-aborted.ts";
import { type Problem, toProblem } from "../errors.ts";
import type { Announcement, Announcements } from "../ledger/announcements.ts";
import type { Store } from "../stores/store.ts";
import type { Arrival, Source } from "./source.ts";

export interface AnnouncedSourceOptions {
  readonly name: string;
  readonly route: string;
  /** Shows whole objects alone. */
  readonly store: Pick<Store, "head">;
  readonly announcements: Pick<Announcements, "next" | "done">;
  /** Rung when this process has heard of something; another one's news waits for the next look. */
  readonly bell: Bell;
  readonly pollMs?: number;
  /** Whether the route takes an object; absent: every one. */
  readonly selects?: (key: string) => boolean;
  /** Why an object may not be taken yet: then the listing brings it. */
  readonly waitsFor?: (key: string) => Promise<string | undefined>;
  /** Whether an object says of others that they are whole. */
  readonly releases?: (key: string) => boolean;
  /** Told when the listing knows better: something is gone, or lets others be taken. */
  readonly onLookNeeded: () => void;
  readonly onProblem: (problem: Problem) => void;
}

const batchSize = 500;
const looksAtOnce = 16;

/**
 * Announces what events named, in the version that is there when it is looked at: an event may be late, repeated or about
 * something that never was. A name is let go of once its job is durable, or nothing is there.
 */
export function createAnnouncedSource(options: AnnouncedSourceOptions): Source {
  const { name, route, store, announcements, bell, pollMs = 1000, onLookNeeded, onProblem } = options;
  const { selects = () => true, releases = () => false, waitsFor } = options;

  async function arrivalOf(key: string): Promise<Arrival | undefined> {
    if (releases(key)) onLookNeeded();
    if (!selects(key)) return undefined;
    const info = await store.head(key).catch(async (error: unknown) => {
      const problem = toProblem(error);
      // One object that can't be looked at must not keep all others waiting: is it the store?
      if (problem.code === "store-unavailable") await store.head("-").catch(() => Promise.reject(problem));
      // The listing makes a job of it, which says the same by name.
      onProblem(problem);
      return undefined;
    });
    if (info === undefined) onLookNeeded();
    // What consoles make for a folder; listings pass it over, too.
    if (info?.size === 0 && key.endsWith("/")) return undefined;
    return info === undefined || (await waitsFor?.(key)) !== undefined ? undefined : { key, version: info.version };
  }

  async function lookAt(batch: readonly Announcement[], signal: AbortSignal): Promise<readonly Arrival[]> {
    const arrivals: Arrival[] = [];
    const rest = batch.values();
    const lookers = Array.from({ length: looksAtOnce }, async () => {
      for (const { key } of rest) {
        if (signal.aborted) return;
        const arrival = await arrivalOf(key);
        if (arrival !== undefined) arrivals.push(arrival);
      }
    });
    const failed = (await Promise.allSettled(lookers)).find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
    return arrivals;
  }

  return {
    name,
    route,
    async *arrivals(signal) {
      while (!signal.aborted) {
        const batch = await announcements.next(route, batchSize);
        if (batch.length === 0) {
          await bell.wait(pollMs, signal);
          continue;
        }
        // What was not looked at any more waits for the next start.
        const arrivals = await unlessAborted(lookAt(batch, signal), signal);
        if (arrivals.length > 0) yield arrivals;
        await announcements.done(batch);
      }
    },
  };
}
