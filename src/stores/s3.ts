import { Readable } from "node:stream";
import { isSystemName } from "../core/system-name.ts";
import { Problem } from "../errors.ts";
import { checkName } from "./key.ts";
import { measuredBody } from "./measured-body.ts";
import { otherVersion } from "./other-version.ts";
import { connectS3, type S3Connection, type S3Settings, type S3Timeouts, s3Timeouts } from "./s3-client.ts";
import { abandonedUploads, listBucket } from "./s3-list.ts";
import { getPresigned } from "./s3-presigned.ts";
import { isAbsent, s3Problem, statusOf } from "./s3-problem.ts";
import { putObject } from "./s3-put.ts";
import { removeObject } from "./s3-remove.ts";
import { etagOf, isSameVersion, toInfo, withoutQuotes } from "./s3-version.ts";
import type { GetOptions, ObjectInfo, Store } from "./store.ts";

export interface S3StoreOptions {
  readonly name: string;
  readonly settings: S3Settings;
  /** Where in it this store lies: a path, without a slash at its end. */
  readonly root: string;
  readonly timeouts?: S3Timeouts;
}

const bucketIsThereMs = 5_000;

/** A bucket as a store, or what lies below a path in it. Any name is a key; writes are whole or not there. */
export function createS3Store({ name, settings, root, timeouts = s3Timeouts }: S3StoreOptions): Store {
  const { bucket } = settings;
  const base = `${settings.prefix}${root === "" ? "" : `${root}/`}`;
  let connection: Promise<S3Connection> | undefined;
  let seenAt = Number.NEGATIVE_INFINITY;

  function connected(): Promise<S3Connection> {
    connection ??= connectS3(settings, timeouts).catch((error: unknown) => {
      connection = undefined;
      throw error;
    });
    return connection;
  }

  async function translated<T>(what: string, work: (connection: S3Connection) => Promise<T>): Promise<T> {
    try {
      return await work(await connected());
    } catch (error) {
      throw s3Problem(error, what);
    }
  }

  function objectOf(key: string) {
    checkName(key);
    return { Bucket: bucket, Key: `${base}${key}` };
  }

  /** Of a bucket that is gone every object seems to be missing. */
  async function requireBucket({ aws, client }: S3Connection): Promise<void> {
    if (performance.now() - seenAt < bucketIsThereMs) return;
    await client.send(new aws.HeadBucketCommand({ Bucket: bucket })).catch((error: unknown) => {
      // Keys that may not list tell nothing of the bucket.
      if (statusOf(error) === 403) return;
      if (!isAbsent(error)) throw error;
      const remedy = "veil makes no buckets: make it, or correct its name.";
      throw new Problem("store-unavailable", `There is no bucket ${bucket} for ${name}`, { remedy, cause: error });
    });
    seenAt = performance.now();
  }

  async function absent(key: string, on: S3Connection): Promise<Problem> {
    await requireBucket(on);
    return new Problem("not-found", `There is no ${key} in ${name}`);
  }

  async function head(key: string, on: S3Connection): Promise<ObjectInfo | undefined> {
    const object = objectOf(key);
    try {
      return toInfo(key, await on.client.send(new on.aws.HeadObjectCommand(object)));
    } catch (error) {
      if (!isAbsent(error)) throw error;
      await requireBucket(on);
      return undefined;
    }
  }

  async function get(key: string, { version, range }: GetOptions, on: S3Connection) {
    const input = {
      ...objectOf(key),
      ...(version !== undefined && { IfMatch: etagOf(version) }),
      ...(range && { Range: `bytes=${range.start}-${range.end}` }),
    };
    const changed = () => otherVersion(key, name);
    const read =
      settings.read === "presigned" ? getPresigned(on, input) : on.client.send(new on.aws.GetObjectCommand(input));
    const answer = await read.catch(async (error: unknown) => {
      if (statusOf(error) === 412) throw changed();
      if (statusOf(error) === 416) return undefined;
      throw isAbsent(error) ? await absent(key, on) : error;
    });
    // What begins behind the object's end is nothing.
    const info = answer === undefined ? await head(key, on) : toInfo(key, answer);
    if (info === undefined) throw await absent(key, on);
    const body = answer?.Body as Readable | undefined;
    if (version !== undefined && !isSameVersion(version, info.version)) {
      body?.destroy();
      throw changed();
    }
    if (body === undefined) return { info, stream: Readable.from([], { objectMode: false }) };
    const stream = measuredBody(body, {
      ...{ what: `${key} in ${name}`, size: answer?.ContentLength ?? info.size, idleMs: timeouts.idleMs },
      translate: (error) => s3Problem(error, `Cannot read ${key} from ${name}`),
    });
    return { info, stream };
  }

  return {
    name,
    appearsWhole: true,

    get: (key, options = {}) => translated(`Cannot read ${key} from ${name}`, (on) => get(key, options, on)),

    async put(key, body, options) {
      let bodyFault: { readonly error: unknown } | undefined;
      const onBodyFault = (error: unknown) => {
        bodyFault = { error };
      };
      const putting = translated(`Cannot write ${key} to ${name}`, async (on) => {
        try {
          const object = objectOf(key);
          const taken = new Problem("already-exists", `There is something else at ${key} in ${name}`);
          const { ifNoneMatch, ifMatch } = options;
          const requireFree = async () => {
            if ((ifNoneMatch ?? ifMatch) === undefined) return;
            if ((await head(key, on))?.version !== ifMatch) throw taken;
          };
          // Some servers heed no condition, or none for an upload in parts, and say nothing of it.
          await requireFree();
          const written = await putObject(on, settings, { object, body, options, onBodyFault }).catch(
            (error: unknown) => {
              const isRefused = statusOf(error) === 412 || (ifMatch !== undefined && isAbsent(error));
              if (isRefused || !isAbsent(error)) throw isRefused ? taken : error;
              // Such as an upload in parts that somebody else has given up: nothing of ours is missing.
              throw new Problem("store-unavailable", `${key} was lost on its way to ${name}`, { cause: error });
            },
          );
          const info = await head(key, on);
          const etag = withoutQuotes(written.ETag);
          const isOurs = info?.size === written.size && (etag === "" || etagOf(info.version) === etag);
          if (info === undefined || !isOurs) {
            throw new Problem("store-unavailable", `Something else was written to ${key} in ${name} meanwhile`);
          }
          return info;
        } finally {
          body.destroy();
        }
      });
      return await putting.catch((error: unknown) => {
        throw bodyFault === undefined ? error : bodyFault.error;
      });
    },

    head: (key) => translated(`Cannot look at ${key} in ${name}`, (on) => head(key, on)),

    async *list(prefix, { signal } = {}) {
      const on = await connected();
      const below = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
      for await (const { key, ...object } of listBucket(on, { bucket, prefix: `${base}${below}`, name, signal })) {
        const own = key.slice(base.length);
        // Consoles make such for what they show as folders.
        const isFolder = own === "" || (own.endsWith("/") && object.Size === 0);
        if (!isFolder && !own.split("/").some(isSystemName)) yield toInfo(own, object);
      }
    },

    remove: (key, { ifMatch } = {}) =>
      translated(`Cannot remove ${key} from ${name}`, async (on) => {
        const object = objectOf(key);
        // Some servers heed no condition.
        const there = ifMatch === undefined ? undefined : await head(key, on);
        if (ifMatch !== undefined && there === undefined) return;
        if (there !== undefined && !isSameVersion(there.version, ifMatch!)) throw otherVersion(key, name);
        await removeObject(on, settings, object, there?.version).catch((error: unknown) => {
          if (there === undefined || !(statusOf(error) === 412 || isAbsent(error))) throw error;
          if (statusOf(error) === 412) throw otherVersion(key, name);
        });
      }),

    sweep: (olderThanMs = 86_400_000, signal) =>
      translated(`Cannot look for unfinished uploads in ${name}`, async ({ aws, client }) => {
        let removed = 0;
        for await (const upload of abandonedUploads({ aws, client }, { bucket, prefix: base, olderThanMs, signal })) {
          await client.send(new aws.AbortMultipartUploadCommand({ Bucket: bucket, ...upload }));
          removed += 1;
        }
        return removed;
      }).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw error;
      }),

    async close() {
      const opened = await connection?.catch(() => undefined);
      opened?.client.destroy();
    },
  };
}
