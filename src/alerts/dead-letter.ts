import type { Job } from "../core/job.ts";
import { problems } from "../errors.ts";
import type { LedgerEvent } from "../ledger/ledger.ts";
import type { Alert } from "./alert.ts";

/** What outsiders are told of a dead letter: its job and why, not the file's name, which may be a person's. */
export function deadLetterAlert({ id, route }: Job, { code = "internal", at }: LedgerEvent): Alert {
  return { kind: "dead-letter", route, message: `Job ${id} is a dead letter: ${problems[code].title} (${code})`, at };
}
