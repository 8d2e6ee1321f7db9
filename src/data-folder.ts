import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access, chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import type { Config } from "./config.ts";
import { takeConfirmation } from "./confirmations.ts";
import { atRestKeys } from "./core/at-rest.ts";
import type { Serial } from "./core/serial.ts";
import { claimDataFolder } from "./data-claim.ts";
import { readDataKeys } from "./data-keys.ts";
import { placesIn, storesOf } from "./data-places.ts";
import { createDataStores } from "./data-stores.ts";
import { readyUploads } from "./data-uploads.ts";
import { type OpenLedger, openLedger, openQueue, queueName } from "./drivers.ts";
import { Problem, toProblem } from "./errors.ts";
import type { Announcements } from "./ledger/announcements.ts";
import type { Signer } from "./ledger/head.ts";
import type { Keys } from "./ledger/keys.ts";
import type { Leases } from "./ledger/leases.ts";
import type { Ledger, Stamp } from "./ledger/ledger.ts";
import type { Pauses } from "./ledger/pauses.ts";
import type { Seals } from "./ledger/seals.ts";
import { openSigner } from "./ledger/signing-key.ts";
import type { Queue } from "./queues/queue.ts";
import { openSqlite, type Sqlite } from "./sqlite.ts";
import { openNamedStore } from "./store-drivers.ts";
import { createFsStore, type FsStoreOptions } from "./stores/fs.ts";
import { openMountMemories } from "./stores/fs-mount.ts";
import { createSealedStore } from "./stores/sealed.ts";
import type { Store } from "./stores/store.ts";
import { version } from "./version.ts";

/** Everything that lasts: the ledger, the queue and the stores. */
export interface DataFolder extends AsyncDisposable {
  readonly ledger: Ledger;
  /** The chain over the ledger. */
  readonly seals: Seals;
  readonly pauses: Pauses;
  readonly leases: Leases;
  readonly announcements: Announcements;
  /** What people and programs log in with. */
  readonly keys: Keys;
  /** One put or removal at a time for each output, of this process, and over PostgreSQL of all processes. */
  readonly puts: Serial;
  /** What this data folder is known by to others that work over the same ledger. */
  readonly replica: string;
  /** Who signs it; the key is made on first use. */
  openSigner(): Promise<Signer>;
  /** What lies on the disk is sealed with the first, and opened with each; none: it is not sealed. */
  readonly dataKeys: readonly Uint8Array[];
  readonly stamp: Stamp;
  readonly queue: Queue;
  /** A file of this host alone, for what else must outlast a restart. */
  readonly sqlite: Sqlite;
  /** Makes job ids and tombstones that nobody outside can guess. */
  readonly installationKey: string;
  storeOf(name: string): Store;
  /** The stores of a route, in place of those that the name had before; `stores` are the configuration's. */
  openRoute(name: string, route: RoutePlaces, stores?: Config["stores"], told?: StoreEars): RouteStores;
  /** How many removals of a route somebody has confirmed within the last hour; the answer uses it up. */
  takeConfirmation(route: string): Promise<number>;
  /** Removes what interrupted puts left behind; rejects as soon as the signal aborts. */
  sweep(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Where a route's photographs lie: folders, or places in configured stores. */
export interface RoutePlaces {
  readonly from: string;
  readonly to: string;
  readonly movedTo?: string | undefined;
  /** What becomes of originals; absent: they stay. */
  readonly originals?: "keep" | "move" | "delete";
}

export interface RouteStores {
  readonly input: Store;
  readonly output: Store;
  /** Where originals are moved to. */
  readonly moved?: Store;
}

/** Told what the input passes over, and how it is watched. */
export type StoreEars = Pick<FsStoreOptions, "onWatching"> & {
  readonly onProblem: (problem: Problem, part: "input" | "output") => void;
};

/** Opens the data folder, and makes it on first use: owner-only, on a local disk. */
export async function openDataFolder(
  config: Config,
  /** Told what veil's own stores had to pass over, and what fails beside a call of the queue. */
  onProblem: (problem: Problem) => void,
  /** In which the ledger says that its records were written. */
  role: "service" | "command" = "command",
  /** Where puts leave word of their temporary files. */
  words?: string,
): Promise<DataFolder> {
  const { dataDir } = config;
  const places = placesIn(dataDir);
  const installationKey = await claimDataFolder(dataDir);
  const uploads = await readyUploads(config, installationKey);
  const dataKeys = await readDataKeys(config.dataKeyFile);
  const sqlite = await openSqlite(places.database);
  // Keys of photographs are names of people: its owner alone reads them, whatever the folder allows.
  await chmod(places.database, 0o600);
  const stamp = { veil: version, who: `${role}:${userName()}` };
  await using opened = new AsyncDisposableStack();
  opened.defer(sqlite.close);
  // With the host's name: a copy of the folder elsewhere is another one.
  const replica = `${hostname()}/${await replicaIn(places.replica)}`;
  const serving = config.queue.driver === "sqlite" ? { alone: replica } : {};
  const parts = { sqlite, installationKey, stamp, onProblem, ...(role === "service" && { serving }) };
  const shared = opened.adopt(await openLedger(config, parts), (it) => it.close());
  const { ledger, seals, pauses, leases, announcements, keys, puts } = shared;
  const queue = opened.adopt(
    await openQueue(config, { sqlite, onJobsLost: afterLoss(ledger, onProblem), onProblem }),
    (it) => it.close(),
  );
  if (role === "service") await meetQueue(places.queueName, queueName(config, replica), shared);
  opened.move();
  const mountsOf = openMountMemories(places.mounts);
  const { take, storeOf, sweep, close: closeStores } = createDataStores({ onProblem });
  const folderOf = (options: FsStoreOptions) =>
    createFsStore({ mounts: mountsOf(options.root), ...(words && { words }), ...options });
  const openFolder = (options: FsStoreOptions) => take(folderOf(options));
  // Of the two, uploads alone are not masked: whoever gets into their folder reads none.
  const inbox = folderOf({ name: "inbox", root: uploads.inbox, mode: 0o600, onProblem });
  take(createSealedStore(inbox, atRestKeys(dataKeys, "inbox")));
  openFolder({ name: "results", root: uploads.results, onProblem });
  const close = async () => {
    await queue.close();
    await ledger.close();
    await closeStores();
    await shared.close();
    await sqlite.close();
  };
  return {
    ...{ ledger, seals, pauses, leases, announcements, keys, puts, replica, dataKeys },
    openSigner: () => openSigner(places.ledgerKey),
    stamp,
    queue,
    sqlite,
    installationKey,
    ...{ storeOf, sweep },
    openRoute(name, { from, to, movedTo, originals = "keep" }, stores, told) {
      const names = storesOf(name);
      const openPlace = (place: string, storeName: string, part: "input" | "output") => {
        const heard = {
          name: storeName,
          onProblem: (problem: Problem) => told?.onProblem(problem, part),
          ...(part === "input" && { takesOriginals: originals !== "keep" }),
        };
        const named = openNamedStore(place, stores, heard);
        const watching = part === "input" && told?.onWatching && { onWatching: told.onWatching };
        return named === undefined ? openFolder({ ...heard, root: place, ...watching }) : take(named);
      };
      return {
        input: openPlace(from, names.input, "input"),
        output: openPlace(to, names.output, "output"),
        ...(movedTo && { moved: openPlace(movedTo, names.moved, "output") }),
      };
    },
    takeConfirmation: (route) => takeConfirmation(places.confirmed, route),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Of the system's user; in a container it may have no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "unknown");
  }
}

/** A name of its own for each data folder, kept in it. */
async function replicaIn(path: string): Promise<string> {
  try {
    await writeFile(path, randomBytes(8).toString("hex"), { flag: "wx", mode: 0o600, flush: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return (await readFile(path, "utf8")).trim();
}

const lossMs = 60_000;

/** Many partitions tell of one loss: the ledger is asked once for all. */
function afterLoss(ledger: Pick<Ledger, "unpublish">, onProblem: (problem: Problem) => void): () => void {
  let heardAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (performance.now() - heardAt < lossMs) return;
    heardAt = performance.now();
    ledger.unpublish().catch((error: unknown) => {
      heardAt = Number.NEGATIVE_INFINITY;
      onProblem(toProblem(error));
    });
  };
}

/** Jobs that wait in another queue than this one are published again: nobody looks there any more. */
async function meetQueue(path: string, name: string, { ledger, installation }: OpenLedger): Promise<void> {
  const before = await (installation?.queue() ?? queueIn(path));
  if (before === name) return;
  // The note comes last: whoever dies before it does this again.
  await ledger.unpublish();
  await (installation?.noteQueue(name) ?? writeFile(path, name, { mode: 0o600 }));
}

async function queueIn(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

/**
 * The watched folder and its output, ready for use. veil makes only those in its own data folder: another one that is
 * absent may be a share that is not mounted, and an empty folder in its place would look like peace and quiet.
 */
export async function readyFolders({
  folder,
  origins,
  routes,
}: Pick<Config, "folder" | "origins" | "routes">): Promise<void> {
  const wanted = { input: constants.R_OK, output: constants.R_OK | constants.W_OK };
  for (const name of ["input", "output"] as const) {
    const path = folder[name];
    if (origins[`folder.${name}`] === "default") await mkdir(path, { recursive: true });
    // Where there are other routes, a broken one is shown as such and stops none of them.
    if (routes !== undefined) continue;
    await access(path, wanted[name] | constants.X_OK).catch((cause: NodeJS.ErrnoException) => {
      const denied = cause.code === "EACCES" || cause.code === "EPERM" || cause.code === "EROFS";
      const verb = name === "input" ? "read" : "write to";
      const detail = denied
        ? `veil may not ${verb} ${path} (folder.${name})`
        : `There is no folder ${path} (folder.${name})`;
      const remedy = denied ? "Give veil's user the right to it." : "Make it, or mount the share that it lies on.";
      throw new Problem("invalid-config", detail, { remedy, cause });
    });
  }
}
