import { isFinished, jobStates } from "../core/job.ts";
import type { Serial } from "../core/serial.ts";
import { type Problem, toProblem } from "../errors.ts";
import type { JobRecord, Ledger, LedgerEvent } from "../ledger/ledger.ts";
import type { Store } from "../stores/store.ts";
import { deliveredOf, placeOf, takeBack } from "./delivered.ts";

export interface ExpireParts {
  readonly ledger: Pick<Ledger, "find" | "append" | "isCurrent">;
  readonly route: string;
  readonly output: Store;
  /** That of the worker's puts: none slips in between a look and the removal. */
  readonly puts: Serial;
  readonly now: () => number;
  readonly observe: (job: JobRecord["job"], event: LedgerEvent) => void;
  readonly onProblem: (problem: Problem) => void;
  readonly signal: AbortSignal;
}

const following = [...jobStates.filter((state) => !isFinished(state)), "done", "copied"] as const;

/**
 * Takes back what a route delivered before that time (ms since 1970), until the signal aborts; originals stay known, and
 * are not taken again.
 */
export async function expire(parts: ExpireParts, before: number): Promise<void> {
  const { ledger, route, output, puts, now, observe, onProblem, signal } = parts;

  /** Of an object that was masked again the newest result counts, the same bytes may lie there; and one may be on its way. */
  async function isFollowed({ input, generation }: JobRecord["job"]): Promise<boolean> {
    const { records } = await ledger.find({ route, key: input.key, states: following, limit: 100 });
    return records.some(({ job }) => job.generation > generation);
  }

  /** False: the output can't be reached. */
  async function end(record: JobRecord): Promise<boolean> {
    if (!(await ledger.isCurrent(record.job)) && (await isFollowed(record.job))) return true;
    try {
      await takeBack(output, record);
    } catch (error) {
      const problem = toProblem(error);
      onProblem(problem);
      return problem.code !== "store-unavailable";
    }
    const event = { jobId: record.job.id, kind: "expired" as const, at: now() };
    if (await ledger.append(event)) observe(record.job, event);
    return true;
  }

  for await (const record of deliveredOf(ledger, route)) {
    if (signal.aborted) return;
    if (record.updatedAt < before && !(await puts.run(placeOf(record.job), () => end(record)))) return;
  }
}
