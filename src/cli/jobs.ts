import type { ConfigFlags } from "../config/layers.ts";
import { routesOf } from "../config.ts";
import { type JobState, jobStates } from "../core/job.ts";
import { openDataFolder } from "../data-folder.ts";
import { Problem } from "../errors.ts";
import type { JobRecord } from "../ledger/ledger.ts";
import { knownPauses } from "../pipeline/pauses.ts";
import { createRedrive, type Redrive } from "../pipeline/redrive.ts";
import { parseClass, parseCode, parseSince, redriveMany } from "../pipeline/redrive-many.ts";
import { longestDelayMs } from "../pipeline/retry.ts";
import { printable } from "./printable.ts";
import { configFor, limitOf } from "./settings.ts";

const told = (problem: Problem) => process.stderr.write(`veil: ${problem.message}\n`);

function open(flags: ConfigFlags) {
  return openDataFolder(configFor(flags), told);
}

/** `veil jobs list`: what the ledger knows, newest change first. */
export async function listJobs(
  flags: ConfigFlags,
  options: { state?: string; limit: string; json?: boolean },
): Promise<number> {
  await using data = await open(flags);
  const states = options.state?.split(",").map(parseState);
  const limit = limitOf(options.limit);
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

export interface RetryOptions {
  readonly all?: boolean;
  readonly route?: string;
  readonly code?: string;
  readonly class?: string;
  readonly since?: string;
  readonly dryRun?: boolean;
}

/** `veil jobs retry`: dead letters come back as new revisions; a running service takes them up. */
export async function retryJobs(flags: ConfigFlags, ids: readonly string[], options: RetryOptions): Promise<number> {
  const filter = {
    route: options.route,
    code: options.code === undefined ? undefined : parseCode(options.code),
    class: options.class === undefined ? undefined : parseClass(options.class),
    since: options.since === undefined ? undefined : parseSince(options.since, Date.now()),
  };
  const isMany = options.all === true || Object.values(filter).some((value) => value !== undefined);
  const dryRun = options.dryRun === true;
  if ((ids.length === 0) !== isMany || (ids.length > 0 && dryRun)) {
    const wanted = "Expected job ids, or --all, or what chooses dead letters: --route, --code, --class, --since";
    throw new Problem("invalid-request", wanted);
  }
  await using data = await open(flags);
  const redrive = createRedrive(data);
  if (!isMany) return retryThese(ids, redrive);
  const { matched, codes, sent, problems } = await redriveMany({ ledger: data.ledger, redrive }, filter, { dryRun });
  for (const { message } of problems) process.stderr.write(`veil: ${message}\n`);
  if (dryRun) {
    for (const [code, count] of Object.entries(codes)) process.stdout.write(`${count} ${code}\n`);
    process.stdout.write(`${matched} would be sent back\n`);
  } else process.stdout.write(`${sent} sent back\n`);
  return problems.length > 0 ? 1 : 0;
}

async function retryThese(ids: readonly string[], redrive: Redrive): Promise<number> {
  let sent = 0;
  for (const id of ids) {
    try {
      await redrive(id);
      sent++;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      process.stderr.write(`veil: ${error.message}\n`);
    }
  }
  process.stdout.write(`${sent} sent back\n`);
  return sent < ids.length ? 1 : 0;
}

/** `veil jobs republish`: a broker lost its queues; a running service gives it again what had not ended. */
export async function republishJobs(flags: ConfigFlags): Promise<number> {
  await using data = await open(flags);
  const { unstarted, begun } = await data.ledger.unpublish();
  process.stdout.write(`${unstarted} will be published again within a few minutes of the service's running\n`);
  const minutes = longestDelayMs / 60_000;
  if (begun > 0)
    process.stdout.write(`${begun} that had begun follow, if nothing is heard of them for ${minutes} minutes\n`);
  return 0;
}

/** `veil jobs pause` and `resume`: the bulk work of a route, or all of it, waits until it is told to go on. */
export async function pauseJobs(flags: ConfigFlags, verb: "pause" | "resume", route?: string): Promise<number> {
  if (route === "") throw new Problem("invalid-request", "Expected a route's name for --route but received nothing");
  const config = configFor(flags);
  await using data = await openDataFolder(config, told);
  const pauses = knownPauses(data.pauses, data.ledger, () => [...routesOf(config).keys()]);
  await pauses[verb](route);
  const { all, routes } = await pauses.read();
  const now = all ? "everything" : routes.join(", ") || "nothing";
  process.stdout.write(`${now} is paused\n`);
  return 0;
}

/** Some messages begin with their code's own word: `unsupported: DICOM`. */
function wordsAfter(code: string, message = ""): string {
  return message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message;
}

/** One job on one line. */
export function lineOf({ job, state, attempts, updatedAt, last }: JobRecord): string {
  const why = last.code
    ? `${last.code}: ${wordsAfter(last.code, last.message)}`
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
