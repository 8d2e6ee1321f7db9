import type { ConfigFlags } from "../config/layers.ts";
import { type JobState, jobStates } from "../core/job.ts";
import { openDataFolder } from "../data-folder.ts";
import { Problem } from "../errors.ts";
import type { JobRecord, Ledger } from "../ledger/ledger.ts";
import { createRedrive } from "../pipeline/redrive.ts";
import { printable } from "./printable.ts";
import { configFor } from "./settings.ts";

function open(flags: ConfigFlags) {
  return openDataFolder(configFor(flags), (problem) => process.stderr.write(`veil: ${problem.message}\n`));
}

/** `veil jobs list`: what the ledger knows, newest change first. */
export async function listJobs(
  flags: ConfigFlags,
  options: { state?: string; limit: string; json?: boolean },
): Promise<number> {
  await using data = await open(flags);
  const states = options.state?.split(",").map(parseState);
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1)
    throw new Problem("invalid-request", `Expected a whole number for --limit but received ${options.limit}`);
  const { records, next } = await data.ledger.find({ limit, ...(states && { states }) });
  if (options.json) {
    process.stdout.write(`${JSON.stringify(records, null, 2)}\n`);
    return 0;
  }
  for (const record of records) process.stdout.write(`${lineOf(record)}\n`);
  if (next !== undefined) process.stdout.write(`… and older ones: --limit ${limit * 5} shows more\n`);
  const counts = Object.entries(await data.ledger.counts()).filter(([, count]) => count > 0);
  process.stdout.write(`${counts.map(([state, count]) => `${count} ${state}`).join(", ") || "no jobs yet"}\n`);
  return 0;
}

/** `veil jobs show`: one job and its history. */
export async function showJob(flags: ConfigFlags, id: string): Promise<number> {
  await using data = await open(flags);
  const record = await data.ledger.get(id);
  if (record === undefined) throw new Problem("not-found", `There is no job ${id}`);
  const events = await data.ledger.history(id);
  process.stdout.write(`${JSON.stringify({ ...record, events }, null, 2)}\n`);
  return 0;
}

/** `veil jobs retry`: dead letters come back as new revisions; a running service takes them up. */
export async function retryJobs(
  flags: ConfigFlags,
  ids: readonly string[],
  options: { all?: boolean },
): Promise<number> {
  if ((ids.length === 0) === (options.all !== true)) throw new Problem("invalid-request", "Expected job ids, or --all");
  await using data = await open(flags);
  const redrive = createRedrive(data);
  let sent = 0;
  let failed = 0;
  const again = async (id: string) => {
    try {
      await redrive(id);
      sent++;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      process.stderr.write(`veil: ${error.message}\n`);
      failed++;
    }
  };
  // All ids first: what dies again meanwhile waits for the next call.
  for (const id of options.all ? await deadIds(data.ledger) : ids) await again(id);
  process.stdout.write(`${sent} sent back\n`);
  return failed > 0 ? 1 : 0;
}

async function deadIds(ledger: Ledger): Promise<string[]> {
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const page = await ledger.find({ states: ["dead"], limit: 500, ...(after !== undefined && { after }) });
    ids.push(...page.records.filter(({ erased }) => !erased).map(({ job }) => job.id));
    after = page.next;
  } while (after !== undefined);
  return ids;
}

function lineOf({ job, state, attempts, updatedAt, last }: JobRecord): string {
  const why = last.code
    ? `${last.code}: ${last.message ?? ""}`
    : (last.recognised ??
      (last.regions === undefined ? "" : `${last.regions} ${last.regions === 1 ? "face" : "faces"}`));
  const time = new Date(updatedAt).toISOString().slice(0, 19);
  return `${time}  ${job.id}  ${state.padEnd(10)} ${attempts}x  ${printable(`${job.input.store}/${job.input.key}`)}  ${printable(why)}`;
}

function parseState(text: string): JobState {
  const state = jobStates.find((name) => name === text.trim());
  if (state === undefined)
    throw new Problem("invalid-request", `Expected ${jobStates.join(", ")} for --state but received ${text}`);
  return state;
}
