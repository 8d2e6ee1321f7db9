import { type Problem, toProblem } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Redrive } from "./redrive.ts";

export interface SendBackParts {
  readonly ledger: Pick<Ledger, "find">;
  readonly route: string;
  readonly redrive: Redrive;
  readonly onProblem: (problem: Problem) => void;
  readonly signal: AbortSignal;
}

/** What a store's absence has made dead letters of is tried once more; until the signal aborts. */
export async function sendBack({ ledger, route, redrive, onProblem, signal }: SendBackParts): Promise<void> {
  let after: string | undefined;
  do {
    const page = await ledger.find({ route, states: ["dead"], limit: 500, ...(after && { after }) });
    for (const { job, last, erased } of page.records) {
      if (signal.aborted) return;
      if (last.code !== "store-unavailable" || erased) continue;
      // One that can't be sent back, somebody else was faster maybe, keeps none of the others.
      await redrive(job.id).catch((error: unknown) => onProblem(toProblem(error)));
    }
    after = page.next;
  } while (after !== undefined);
}
