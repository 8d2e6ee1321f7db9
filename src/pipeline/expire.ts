import { type Problem, toProblem } from "../errors.ts";
import type { JobRecord, Ledger, LedgerEvent } from "../ledger/ledger.ts";
import type { Store } from "../stores/store.ts";
import { deliveredOf, takeBack } from "./delivered.ts";

export interface ExpireParts {
  readonly ledger: Pick<Ledger, "find" | "append" | "isCurrent">;
  readonly route: string;
  readonly output: Store;
  readonly now: () => number;
  readonly observe: (job: JobRecord["job"], event: LedgerEvent) => void;
  readonly onProblem: (problem: Problem) => void;
}

/** Takes back what a route delivered before that time (ms since 1970); originals stay known, and are not taken again. */
export async function expire(parts: ExpireParts, before: number): Promise<void> {
  const { ledger, route, output, now, observe, onProblem } = parts;
  for await (const record of deliveredOf(ledger, route)) {
    // Of an object that was masked again the newest result counts: the same bytes may lie there.
    if (record.updatedAt >= before || !(await ledger.isCurrent(record.job))) continue;
    try {
      await takeBack(output, record);
    } catch (error) {
      const problem = toProblem(error);
      onProblem(problem);
      if (problem.code === "store-unavailable") return;
      continue;
    }
    const event = { jobId: record.job.id, kind: "expired" as const, at: now() };
    if (await ledger.append(event)) observe(record.job, event);
  }
}
