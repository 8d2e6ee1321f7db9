import { parseStorePlace } from "./config/places.ts";
import { identityOf } from "./config/store-identity.ts";
import type { StoreSettings } from "./config/store-settings.ts";
import type { Config } from "./config.ts";
import { Problem } from "./errors.ts";
import { createAzureStore } from "./stores/azure.ts";
import { createFtpStore } from "./stores/ftp.ts";
import { createS3Store } from "./stores/s3.ts";
import { createSftpStore } from "./stores/sftp.ts";
import type { Store } from "./stores/store.ts";
import { createSwiftStore } from "./stores/swift.ts";
import { createWebdavStore } from "./stores/webdav.ts";

/** How a store is opened wherever it is named. */
export interface StoreOptions {
  /** What jobs and the ledger call it. */
  readonly name: string;
  /** Told what a listing had to pass over. */
  readonly onProblem?: (problem: Problem) => void;
  /** Whether originals are taken away from here, of an input. */
  readonly takesOriginals?: boolean;
}

/**
 * The store that a route's `from`, `to` or `movedTo` names; undefined: that is a folder. Nothing is asked of the server
 * yet, and its client is loaded when that is done first.
 */
export function openNamedStore(place: string, stores: Config["stores"] = {}, options: StoreOptions): Store | undefined {
  const parsed = parseStorePlace(place);
  if (parsed === undefined) return undefined;
  const settings = parsed === "malformed" ? undefined : stores[parsed.store];
  if (parsed === "malformed" || settings === undefined) {
    throw new Problem("invalid-config", `There is no store for ${JSON.stringify(place)}`);
  }
  return openStore(settings as StoreSettings, { ...options, root: parsed.root });
}

/** The bucket that events of a place name, and what the names of its objects begin with there; undefined: no bucket. */
export function bucketOf(
  place: string,
  stores: Config["stores"] = {},
): { readonly bucket: string; readonly prefix: string } | undefined {
  const parsed = parseStorePlace(place);
  const settings = typeof parsed === "object" ? stores[parsed.store] : undefined;
  if (typeof parsed !== "object" || settings?.kind !== "s3") return undefined;
  return { bucket: settings.bucket, prefix: identityOf(settings, parsed.root).prefix };
}

/** The one place that knows every kind of store. */
function openStore(settings: StoreSettings, options: StoreOptions & { readonly root: string }): Store {
  switch (settings.kind) {
    case "s3":
      return createS3Store({ settings, ...options });
    case "swift":
      return createSwiftStore({ settings, ...options });
    case "azure":
      return createAzureStore({ settings, ...options });
    case "sftp":
      return createSftpStore({ settings, ...options });
    case "ftp":
      return createFtpStore({ settings, ...options });
    case "webdav":
      return createWebdavStore({ settings, ...options });
  }
}
