import { Readable } from "node:stream";
import type { ContainerListBlobFlatSegmentResponse } from "@azure/storage-blob";
import { isSystemName } from "../core/system-name.ts";
import { Problem } from "../errors.ts";
import { type AzureConnection, type AzureSettings, connectAzure } from "./azure-client.ts";
import { fromAzure } from "./azure-metadata.ts";
import { azureProblem, statusOf } from "./azure-problem.ts";
import { putBlob } from "./azure-put.ts";
import type { HttpTimeouts } from "./http-client.ts";
import { checkKey, isTemporary } from "./key.ts";
import { measuredBody } from "./measured-body.ts";
import { otherVersion } from "./other-version.ts";
import { retryPage } from "./retry-page.ts";
import type { GetOptions, ObjectInfo, Store } from "./store.ts";

export interface AzureStoreOptions {
  readonly name: string;
  readonly settings: AzureSettings;
  /** Where in it this store lies: a path, without a slash at its end. */
  readonly root: string;
  readonly timeouts?: HttpTimeouts;
  /** How many names a listing asks for at once. */
  readonly pageSize?: number;
}

interface Told {
  readonly etag?: string | undefined;
  readonly lastModified?: Date | undefined;
  readonly size: number | undefined;
}

/** A container of Azure Blob Storage, or what lies below a path in it. Writes are whole or not there. */
export function createAzureStore(options: AzureStoreOptions): Store {
  const { name, settings, root, timeouts = {}, pageSize = 5_000 } = options;
  const base = `${settings.prefix}${root === "" ? "" : `${root}/`}`;
  let connection: Promise<AzureConnection> | undefined;

  async function translated<T>(what: string, work: (on: AzureConnection) => Promise<T>): Promise<T> {
    connection ??= connectAzure(settings, timeouts).catch((error: unknown) => {
      connection = undefined;
      throw error;
    });
    const on = await connection;
    try {
      return await work(on);
    } catch (error) {
      throw azureProblem(error, what, on.endpoint);
    }
  }

  function infoOf(key: string, { etag, lastModified, size }: Told): ObjectInfo {
    if (etag === undefined || lastModified === undefined || size === undefined) {
      throw new Problem("store-unavailable", `The server does not say what ${key} in ${name} is`);
    }
    return { key, version: etag.replaceAll('"', ""), size, modifiedAt: lastModified.getTime() };
  }

  /** Of a container that is gone every object seems to be missing. */
  async function requireContainer({ container, patiently }: AzureConnection): Promise<void> {
    try {
      await patiently((abortSignal) => container.getProperties({ abortSignal }));
    } catch (error) {
      // Who may read objects may not always look at the container.
      if (statusOf(error) === 403) return;
      if (statusOf(error) !== 404) throw error;
      throw new Problem("store-unavailable", `There is no container ${settings.container} for ${name}`, {
        remedy: "veil makes no containers: make it, or correct its name.",
      });
    }
  }

  async function absent(key: string, on: AzureConnection): Promise<Problem> {
    await requireContainer(on);
    return new Problem("not-found", `There is no ${key} in ${name}`);
  }

  async function head(key: string, on: AzureConnection): Promise<ObjectInfo | undefined> {
    try {
      const blob = on.container.getBlobClient(`${base}${key}`);
      const told = await on.patiently((abortSignal) => blob.getProperties({ abortSignal }));
      return { ...infoOf(key, { ...told, size: told.contentLength }), metadata: fromAzure(told.metadata) };
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
      await requireContainer(on);
      return undefined;
    }
  }

  async function get(key: string, { version, range }: GetOptions, on: AzureConnection, what: string) {
    const changed = otherVersion(key, name);
    const blob = on.container.getBlobClient(`${base}${key}`);
    const conditions = version === undefined ? {} : { ifMatch: `"${version}"` };
    const count = range && range.end - range.start + 1;
    const answer = await on
      .patiently((abortSignal) => blob.download(range?.start ?? 0, count, { conditions, abortSignal }))
      .catch(async (error: unknown) => {
        if (statusOf(error) === 412) throw changed;
        if (statusOf(error) === 416) return undefined;
        throw statusOf(error) === 404 ? await absent(key, on) : error;
      });
    if (answer === undefined) {
      // What begins behind the object's end is nothing.
      const info = await head(key, on);
      if (info === undefined) throw await absent(key, on);
      if (version !== undefined && info.version !== version) throw changed;
      return { info, stream: Readable.from([], { objectMode: false }) };
    }
    const total = /\/(\d+)$/.exec(answer.contentRange ?? "")?.[1];
    const size = total === undefined ? answer.contentLength : Number(total);
    const info = {
      ...infoOf(key, { etag: answer.etag, lastModified: answer.lastModified, size }),
      metadata: fromAzure(answer.metadata),
    };
    const stream = measuredBody(answer.readableStreamBody as Readable, {
      ...{ what: `${key} in ${name}`, size: answer.contentLength ?? 0, idleMs: timeouts.idleMs ?? 30_000 },
      translate: (error) => azureProblem(error, what, on.endpoint),
    });
    return { info, stream };
  }

  async function* list(prefix: string, signal: AbortSignal | undefined): AsyncGenerator<ObjectInfo> {
    let continuationToken: string | undefined;
    const ask = () =>
      translated(`Cannot list ${name}`, ({ container, patiently }) =>
        patiently(async (late) => {
          const abortSignal = signal === undefined ? late : AbortSignal.any([late, signal]);
          const from = { maxPageSize: pageSize, ...(continuationToken && { continuationToken }) };
          const pages = container.listBlobsFlat({ prefix, includeMetadata: true, abortSignal }).byPage(from);
          return (await pages.next()).value as ContainerListBlobFlatSegmentResponse | undefined;
        }),
      );
    do {
      const page = await retryPage(ask, { signal });
      for (const { name: blob, properties, metadata } of page?.segment.blobItems ?? []) {
        const key = blob.slice(base.length);
        const isOurs = key.split("/").every((part) => !isSystemName(part) && !isTemporary(part));
        // Accounts with real folders list them as objects.
        if (key === "" || !isOurs || metadata?.hdi_isfolder === "true") continue;
        yield infoOf(key, { ...properties, size: properties.contentLength });
      }
      continuationToken = page?.continuationToken || undefined;
    } while (continuationToken !== undefined);
  }

  return {
    name,
    appearsWhole: true,

    async get(key, options = {}) {
      checkBlobName(key);
      const what = `Cannot read ${key} from ${name}`;
      return await translated(what, (on) => get(key, options, on, what));
    },

    async put(key, body, options) {
      try {
        checkBlobName(key);
        return await translated(`Cannot write ${key} to ${name}`, async (on) => {
          const blob = on.container.getBlockBlobClient(`${base}${key}`);
          try {
            const written = await putBlob(on, blob, key, body, options);
            return { ...infoOf(key, written), metadata: options.metadata ?? {} };
          } catch (error) {
            const isTaken = statusOf(error) === 412 && (error as { code?: string }).code === "ConditionNotMet";
            if (!isTaken && !(options.ifMatch !== undefined && statusOf(error) === 404)) throw error;
            await requireContainer(on);
            throw new Problem("already-exists", `There is something else at ${key} in ${name}`);
          }
        });
      } catch (error) {
        // What the body fails with is nothing of the server's.
        throw body.errored ?? error;
      } finally {
        body.destroy();
      }
    },

    async head(key) {
      checkBlobName(key);
      return await translated(`Cannot look at ${key} in ${name}`, (on) => head(key, on));
    },

    async *list(prefix, { signal } = {}) {
      yield* list(`${base}${prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`}`, signal);
    },

    async remove(key, { ifMatch } = {}) {
      checkBlobName(key);
      const conditions = ifMatch === undefined ? {} : { ifMatch: `"${ifMatch}"` };
      await translated(`Cannot remove ${key} from ${name}`, async (on) => {
        const blob = on.container.getBlobClient(`${base}${key}`);
        try {
          await on.patiently((abortSignal) => blob.delete({ deleteSnapshots: "include", conditions, abortSignal }));
        } catch (error) {
          // Some say so of nothing, too.
          if (statusOf(error) === 412 && (await head(key, on)) !== undefined) throw otherVersion(key, name);
          if (statusOf(error) === 412) return;
          if (statusOf(error) !== 404) throw error;
          await requireContainer(on);
        }
      });
    },

    async close() {
      const open = connection;
      connection = undefined;
      (await open?.catch(() => undefined))?.close();
    },
  };
}

/** Addresses lose steps and control characters, and Azure the dots at a segment's end. */
function checkBlobName(key: string): void {
  checkKey(key);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  const isRefused = /[\u0000-\u001f]/.test(key) || key.split("/").some((part) => part.endsWith("."));
  if (!isRefused) return;
  throw new Problem(
    "invalid-request",
    `Expected a name that Azure takes but received ${JSON.stringify(key)}: no control characters, no dot at a segment's end`,
  );
}
