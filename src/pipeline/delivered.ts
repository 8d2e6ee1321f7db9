import { createHash } from "node:crypto";
import type { Job } from "../core/job.ts";
import type { EventDetail, JobRecord, Ledger } from "../ledger/ledger.ts";
import type { ObjectInfo, Store } from "../stores/store.ts";

type Output = NonNullable<EventDetail["output"]>;

const pageSize = 500;

/**
 * Every job of a route whose output veil has written and not taken back, the newest change first. One whose names were
 * erased is none of them: where its output lies, nobody knows any more.
 */
export async function* deliveredOf(ledger: Pick<Ledger, "find">, route: string): AsyncGenerator<JobRecord> {
  let after: string | undefined;
  do {
    const query = { route, states: ["done", "copied"] as const, limit: pageSize };
    const page = await ledger.find({ ...query, ...(after !== undefined && { after }) });
    yield* page.records.filter(({ erased }) => !erased);
    after = page.next;
  } while (after !== undefined);
}

/**
 * What lies at a key now, if it is what was written there: the same version, or the same bytes where the version was
 * told anew (after a remount, from a backup). Undefined: it is gone, or somebody else's.
 */
export async function stillThere(
  store: Store,
  key: string,
  written: Pick<Output, "size" | "sha256"> & Partial<Pick<Output, "version">>,
): Promise<ObjectInfo | undefined> {
  const there = await store.head(key);
  if (there === undefined || there.version === written.version) return there;
  if (there.size !== written.size) return undefined;
  return (await digestOf(store, key, there.version)) === written.sha256 ? there : undefined;
}

/** SHA-256 (hex) of an object's bytes, as they read now. */
export async function digestOf(store: Store, key: string, version: string): Promise<string> {
  const { stream } = await store.get(key, { version });
  const hash = createHash("sha256");
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest("hex");
}

/** What a put and a removal of the same output wait for each other by. */
export function placeOf({ output }: Pick<Job, "output">): string {
  return `${output.store}/${output.key}`;
}

/** Takes an output back if it is still what veil wrote, and answers whether: what somebody put in its place stays. */
export async function takeBack(store: Store, { job, last }: JobRecord): Promise<boolean> {
  const { key } = job.output;
  const mine = last.output && (await stillThere(store, key, last.output));
  if (mine !== undefined) await store.remove(key);
  return mine !== undefined;
}
