import type { S3Event } from "../core/s3-event.ts";
import { isSystemName } from "../core/system-name.ts";
import type { Announcements } from "../ledger/announcements.ts";

/** A route that reads from a bucket. */
export interface BucketRoute {
  readonly route: string;
  readonly bucket: string;
  /** What the names of all objects that it takes begin with in the bucket. */
  readonly prefix: string;
}

export interface AnnounceParts {
  readonly announcements: Pick<Announcements, "add">;
  readonly routes: () => readonly BucketRoute[];
  /** Told which routes have something new. */
  readonly onAnnounced: (route: string) => void;
  /** Told once of each bucket that no route reads from. */
  readonly onStranger: (bucket: string) => void;
}

/** Keeps what events name for the routes that it concerns; answers how many names that were, once they are durable. */
export type Announce = (events: readonly S3Event[]) => Promise<number>;

/** S3 has no longer names. */
const mostKeyBytes = 1024;
const mostStrangers = 1000;

export function createAnnounce({ announcements, routes, onAnnounced, onStranger }: AnnounceParts): Announce {
  const strangers = new Set<string>();
  return async (events) => {
    const all = routes();
    const named = events.flatMap(({ bucket, keys }) => {
      const concerned = all.filter((one) => one.bucket === bucket);
      if (concerned.length === 0 && !strangers.has(bucket) && strangers.size < mostStrangers) {
        strangers.add(bucket);
        onStranger(bucket);
      }
      return concerned.flatMap(({ route, prefix }) =>
        keys
          .filter((key) => key.startsWith(prefix) && key.length > prefix.length && isName(key))
          .map((key) => ({ route, key: key.slice(prefix.length) }))
          // As no listing shows them.
          .filter(({ key }) => !key.split("/").some(isSystemName)),
      );
    });
    if (named.length === 0) return 0;
    await announcements.add(named);
    for (const route of new Set(named.map((one) => one.route))) onAnnounced(route);
    return named.length;
  };
}

function isName(key: string): boolean {
  return key.isWellFormed() && !key.includes("\0") && Buffer.byteLength(key) <= mostKeyBytes;
}
