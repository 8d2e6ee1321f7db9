import type { Limits, Medium } from "../core/media.ts";
import type { Policy } from "../core/policy.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Pauses } from "../ledger/pauses.ts";
import type { ResultCache } from "../pipeline/result-cache.ts";
import type { Review } from "../pipeline/review.ts";
import type { Room } from "../pipeline/room.ts";
import type { Spool } from "../pipeline/spool.ts";
import type { Submit } from "../pipeline/submit.ts";
import type { Queue } from "../queues/queue.ts";
import type { Store } from "../stores/store.ts";
import type { Access } from "./access.ts";
import type { Metrics } from "./metrics.ts";
import type { Readiness } from "./readiness.ts";
import type { Status } from "./status-schema.ts";

/** Which records; all that is given must hold. Times are milliseconds since 1970. */
export interface RecordWish {
  readonly path?: string | undefined;
  readonly digest?: string | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly outcomes?: readonly string[] | undefined;
}

/** What the routes work with; the composition root fills it in. */
export interface HttpParts {
  readonly medium: Medium;
  readonly spool: Spool;
  readonly limits: Limits;
  readonly results: ResultCache;
  /** Pictures in one batch request. */
  readonly maxBatch: number;
  /** What applies where a request says nothing. */
  readonly policy: Policy;
  readonly detector: { readonly name: string; readonly digest: string };
  readonly ledger: Ledger;
  readonly queue: Queue;
  readonly submit: Submit;
  readonly review: Review;
  readonly metrics: Metrics;
  /** As it is now. */
  status(): Promise<Status>;
  readonly room: Pick<Room, "require">;
  readonly pauses: Pauses;
  readonly readiness: Readiness;
  readonly access: Access;
  /** Sealed records of the ledger, in the chain's order from that position on, as `veil ledger export` writes them. */
  records(from: number, limit: number, query: RecordWish): Promise<readonly string[]>;
  /** Folder of the built page. */
  readonly page: string;
  storeOf(name: string): Store;
}
