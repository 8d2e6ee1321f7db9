import type { JobState } from "../../src/core/job.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { makeCandidate } from "./jobs.ts";

/** What a process of its own does for the durable ledger suite: writes until killed, and tells each step once it is acknowledged. */
export async function writeLedger(ledger: Ledger): Promise<void> {
  const tell = (id: string, state: JobState) => process.send?.({ id, state });
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let index = 0; ; index += 1) {
      const candidate = makeCandidate({ key: `${writer}/${index}.jpg` });
      const { id } = candidate.job;
      await ledger.admit([candidate]);
      tell(id, "admitted");
      for (const kind of ["started", "done"] as const) {
        await ledger.append({ jobId: id, kind, at: Date.now() });
        tell(id, kind);
      }
    }
  });
  await Promise.all(writers);
}
