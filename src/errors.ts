/** What kind of trouble a failure is: what counts, alerts and `veil jobs retry --class` go by. */
export const problemClasses = [
  "unreadable",
  "unsupported",
  "too-large",
  "doubtful",
  "residue",
  "store",
  "queue",
  "ledger",
  "no-room",
  "gone",
  "timeout",
  "crash",
  "out-of-memory",
  "interrupted",
  "setup",
  "request",
  "internal",
] as const;
export type ProblemClass = (typeof problemClasses)[number];

/**
 * Every failure that veil names, in one table. The row drives the HTTP answer (`status`), the worker's decision
 * (`retry`), what it is counted as (`class`), the command line's exit code (any failure is 1) and the ledger's reason (the code itself).
 */
// biome-ignore format: one row for each problem
export const problems = {
  "invalid-request": { status: 400, retry: false, class: "request", title: "The request could not be understood" },
  "not-anonymisation": { status: 400, retry: false, class: "request", title: "This style does not anonymise" },
  "invalid-config": { status: 500, retry: false, class: "setup", title: "The configuration has faults" },
  unauthorized: { status: 401, retry: false, class: "request", title: "It is not known who is asking" },
  forbidden: { status: 403, retry: false, class: "request", title: "Whoever asks may not do this" },
  "too-many-requests": { status: 429, retry: true, class: "request", title: "There are more requests than allowed" },
  "identity-unavailable": { status: 503, retry: true, class: "setup", title: "Who is asking cannot be checked at the moment" },
  "forbidden-host": { status: 403, retry: false, class: "request", title: "This address may not be used to reach veil" },
  "forbidden-origin": { status: 403, retry: false, class: "request", title: "Another web page may not use veil" },
  "not-found": { status: 404, retry: false, class: "gone", title: "There is no such thing" },
  "not-ready": { status: 409, retry: false, class: "request", title: "The result is not there yet" },
  "already-decided": { status: 409, retry: false, class: "request", title: "A person has decided this already" },
  "idempotency-conflict": { status: 422, retry: false, class: "request", title: "The Idempotency-Key was used for another request" },
  "too-large": { status: 413, retry: false, class: "too-large", title: "The file is larger than allowed" },
  "too-many-pixels": { status: 413, retry: false, class: "too-large", title: "The picture has more pixels than allowed" },
  "too-many-frames": { status: 413, retry: false, class: "too-large", title: "The picture has more frames than allowed" },
  "too-many-items": { status: 413, retry: false, class: "request", title: "The request has more items than allowed" },
  unsupported: { status: 415, retry: false, class: "unsupported", title: "veil does not mask this kind of file" },
  "unsupported-media-type": { status: 415, retry: false, class: "request", title: "The request came in another content type" },
  "not-an-image": { status: 415, retry: false, class: "unsupported", title: "The file is not an image" },
  unreadable: { status: 422, retry: false, class: "unreadable", title: "The picture is damaged or incomplete" },
  doubtful: { status: 422, retry: false, class: "doubtful", title: "veil is not sure that every face would be masked" },
  "changed-while-reading": { status: 409, retry: true, class: "gone", title: "The object changed while it was read" },
  "already-exists": { status: 409, retry: false, class: "store", title: "There is something at the destination already" },
  "store-denied": { status: 502, retry: true, class: "store", title: "The store refused access" },
  "store-unavailable": { status: 503, retry: true, class: "store", title: "The store cannot be reached" },
  "store-full": { status: 507, retry: true, class: "no-room", title: "The store has no room" },
  "queue-unavailable": { status: 503, retry: true, class: "queue", title: "The queue cannot be reached or takes no more jobs" },
  "no-room": { status: 503, retry: true, class: "no-room", title: "There is no room for more work at the moment" },
  timeout: { status: 504, retry: true, class: "timeout", title: "The picture took longer than allowed" },
  crashed: { status: 500, retry: true, class: "crash", title: "The engine process died" },
  "out-of-memory": { status: 500, retry: true, class: "out-of-memory", title: "The engine process used more memory than allowed" },
  "lease-lost": { status: 503, retry: true, class: "interrupted", title: "The job's lease was lost" },
  "model-missing": { status: 503, retry: false, class: "setup", title: "The detector's model is missing" },
  "model-mismatch": { status: 503, retry: false, class: "setup", title: "The detector's model is not the expected one" },
  "model-unavailable": { status: 503, retry: true, class: "setup", title: "The model could not be fetched" },
  "client-gone": { status: 499, retry: false, class: "interrupted", title: "The client hung up before its answer was ready" },
  "shutting-down": { status: 503, retry: true, class: "interrupted", title: "veil is stopping" },
  residue: { status: 500, retry: false, class: "residue", title: "The result still held something of the original" },
  "ledger-unavailable": { status: 503, retry: true, class: "ledger", title: "The ledger's database cannot be reached" },
  "ledger-broken": { status: 500, retry: false, class: "ledger", title: "The ledger does not prove itself" },
  internal: { status: 500, retry: true, class: "internal", title: "veil met a fault of its own" },
} as const satisfies Record<string, { status: number; retry: boolean; class: ProblemClass; title: string }>;

export type ProblemCode = keyof typeof problems;

/** A failure with a code of the table, a sentence about what happened to which object, and what to do about it. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly remedy: string | undefined;
  /** In how many seconds it is worth asking again, where that is known. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ProblemCode,
    detail: string,
    options: { remedy?: string; cause?: unknown; retryAfter?: number } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Problem";
    this.code = code;
    this.remedy = options.remedy;
    this.retryAfter = options.retryAfter;
  }

  get status(): number {
    return problems[this.code].status;
  }

  get retry(): boolean {
    return problems[this.code].retry;
  }

  get class(): ProblemClass {
    return problems[this.code].class;
  }

  get title(): string {
    return problems[this.code].title;
  }
}

/** Any thrown value as a Problem; what is not one yet becomes `internal` and keeps its cause. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Problem("internal", message, { cause: error });
}
