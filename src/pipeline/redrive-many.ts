import { Problem, type ProblemClass, type ProblemCode, problemClasses, problems } from "../errors.ts";
import type { JobRecord, Ledger } from "../ledger/ledger.ts";
import type { Redrive } from "./redrive.ts";

/** Which dead letters; what is absent does not choose. */
export interface DeadFilter {
  readonly route?: string | undefined;
  readonly code?: ProblemCode | undefined;
  readonly class?: ProblemClass | undefined;
  /** Dead since then or later, ms since 1970. */
  readonly since?: number | undefined;
}

export interface Redriven {
  /** How many dead letters the filter chose. */
  readonly matched: number;
  /** Of those, by code. */
  readonly codes: Readonly<Partial<Record<ProblemCode, number>>>;
  readonly sent: number;
  /** Why others were not sent. */
  readonly problems: readonly Problem[];
}

/** Sends back every dead letter that the filter chooses; a dry run only counts them. */
export async function redriveMany(
  { ledger, redrive }: { readonly ledger: Pick<Ledger, "find">; readonly redrive: Redrive },
  filter: DeadFilter,
  { dryRun, who }: { readonly dryRun: boolean; readonly who?: string | undefined },
): Promise<Redriven> {
  // All of them first: what dies again meanwhile waits for the next call.
  const chosen = await deadLetters(ledger, filter);
  const codes: Partial<Record<ProblemCode, number>> = {};
  for (const { code } of chosen) codes[code] = (codes[code] ?? 0) + 1;
  const failures: Problem[] = [];
  let sent = 0;
  for (const { id } of dryRun ? [] : chosen) {
    try {
      await redrive(id, who);
      sent += 1;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      failures.push(error);
    }
  }
  return { matched: chosen.length, codes, sent, problems: failures };
}

interface DeadLetter {
  readonly id: string;
  readonly code: ProblemCode;
}

async function deadLetters(ledger: Pick<Ledger, "find">, filter: DeadFilter): Promise<readonly DeadLetter[]> {
  const found: DeadLetter[] = [];
  let after: string | undefined;
  do {
    const page = await ledger.find({
      ...{ states: ["dead"], limit: 500 },
      ...(filter.route !== undefined && { route: filter.route }),
      ...(after !== undefined && { after }),
    });
    const chosen = page.records.filter((record) => isChosen(record, filter));
    found.push(...chosen.map(({ job: { id }, last: { code = "internal" } }) => ({ id, code })));
    after = page.next;
  } while (after !== undefined);
  return found;
}

function isChosen({ last: { code = "internal" }, updatedAt, erased }: JobRecord, filter: DeadFilter): boolean {
  return (
    // Whose names were erased can't be sent back.
    erased !== true &&
    (filter.code === undefined || code === filter.code) &&
    (filter.class === undefined || problems[code]?.class === filter.class) &&
    (filter.since === undefined || updatedAt >= filter.since)
  );
}

/** The code of that name. Problems: invalid-request. */
export function parseCode(text: string): ProblemCode {
  if (Object.hasOwn(problems, text)) return text as ProblemCode;
  throw new Problem("invalid-request", `Expected a code of docs/errors.md but received ${JSON.stringify(text)}`);
}

/** The class of that name. Problems: invalid-request. */
export function parseClass(text: string): ProblemClass {
  const found = problemClasses.find((name) => name === text);
  if (found !== undefined) return found;
  throw new Problem("invalid-request", `Expected ${problemClasses.join(", ")} but received ${JSON.stringify(text)}`);
}

const units = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A point in time: `90m`, `2h` or `3d` before now, or an ISO 8601 date or time. Problems: invalid-request. */
export function parseSince(text: string, now: number): number {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (unit !== undefined) return now - Number(count) * units[unit as keyof typeof units];
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new Problem(
    "invalid-request",
    `Expected 90m, 2h, 3d or a date such as 2026-11-25 but received ${JSON.stringify(text)}`,
  );
}
