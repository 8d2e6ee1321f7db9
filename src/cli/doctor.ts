import { existsSync } from "node:fs";
import { access, constants, mkdir, stat, statfs } from "node:fs/promises";
import { basename } from "node:path";
import { isTaken, type ListenAt, tryListen } from "../app/listen.ts";
import type { ConfigFlags } from "../config/layers.ts";
import { placeOf } from "../config/places.ts";
import { type Config, routesOf } from "../config.ts";
import { confinementWords, isConfined } from "../core/isolation.ts";
import { readInstallationKey, refuseNetworkDisk } from "../data-claim.ts";
import { readyFolders } from "../data-folder.ts";
import { readDataKeys } from "../data-keys.ts";
import { placesIn } from "../data-places.ts";
import { readyUploads } from "../data-uploads.ts";
import { checkCache, checkEvents, checkLedger, checkQueue, checkStores } from "../driver-checks.ts";
import { hasHeicDecoder } from "../engine/heic.ts";
import { Problem, toProblem } from "../errors.ts";
import { checkAccess, checkCertificates } from "./doctor-access.ts";
import { openCommandEngine } from "./engine.ts";
import { type Finding, type NamedFinding, note, ok } from "./finding.ts";
import { configFor } from "./settings.ts";

const checks: Readonly<Record<string, (config: Config) => Promise<Finding>>> = {
  Node: async () => ok(`${process.version} on ${process.platform} ${process.arch}`),
  Configuration: async ({ origins }) => {
    const changed = Object.values(origins).filter((origin) => origin !== "default").length;
    return ok(changed === 0 ? "defaults" : `${changed} changed; veil config print shows which`);
  },
  "Data folder": async ({ dataDir }) => {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await access(dataDir, constants.R_OK | constants.W_OK);
    await refuseNetworkDisk(dataDir);
    const { bavail, bsize } = await statfs(dataDir);
    const free = (bavail * bsize) / 2 ** 30;
    const text = `${dataDir}, ${free.toFixed(1)} GiB free`;
    return free < 1 ? note(`${text}: little room`) : ok(text);
  },
  Keys: async (config) => {
    const { key, ledgerKey } = placesIn(config.dataDir);
    const isShared = config.ledger.driver !== "sqlite";
    const absent = [key, ledgerKey].filter((path) => !existsSync(path)).map((path) => basename(path));
    if (!absent.includes("installation.key")) await readInstallationKey(key);
    await readDataKeys(config.dataKeyFile);
    const open: string[] = [];
    for (const path of [key, ledgerKey].filter((path) => existsSync(path)))
      if (process.platform !== "win32" && ((await stat(path)).mode & 0o077) !== 0) open.push(path);
    if (open.length > 0) return note(`others may read ${open.join(" and ")}: chmod 600`);
    if (absent.length === 0) return ok("installation.key and ledger.key are here");
    const are = `${absent.join(" and ")} ${absent.length === 1 ? "is" : "are"} not here`;
    return isShared
      ? note(
          `${are}: made at the first start, where this is the first process; else copy them from another one's data folder`,
        )
      : ok(`${are} yet, and made at the first start`);
  },
  Ledger: async (config) => ok(await checkLedger(config, await keyOf(config))),
  Queue: async (config) => ok(await checkQueue(config)),
  Cache: async (config) => ok(await checkCache(config)),
  Uploads: async (config) => {
    const { folder } = config.jobs;
    if (folder === undefined) return ok("in the data folder");
    const key = await keyOf(config);
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK).catch(cannotUse(folder));
    if (key === undefined) return note(`${folder}: whether it is this installation's is known once it has a key`);
    const folders = await readyUploads(config, key);
    for (const path of Object.values(folders))
      await access(path, constants.R_OK | constants.W_OK | constants.X_OK).catch(cannotUse(path));
    return ok(folder);
  },
  Folders: async (config) => {
    await readyFolders(config);
    const routes = [...routesOf(config)];
    for (const [name, { from, to, movedTo }] of routes) {
      if (placeOf(from).kind === "folder")
        await access(from, constants.R_OK | constants.X_OK).catch(cannot(name, "read", from));
      for (const path of [to, ...(movedTo ? [movedTo] : [])]) {
        if (placeOf(path).kind === "folder")
          await access(path, constants.R_OK | constants.W_OK | constants.X_OK).catch(cannot(name, "write to", path));
      }
    }
    return ok(routes.map(([, { from, to }]) => `${from} → ${to}`).join(", "));
  },
  Stores: async (config) => ok(await checkStores(config)),
  Detector: async (config) => {
    await using engine = await openCommandEngine(config);
    const { name, digest } = await engine.pool.detector();
    return ok(`${name}, model ${digest.slice(0, 12)}…`);
  },
  Isolation: async (config) => {
    await using engine = await openCommandEngine(config);
    const confinement = await engine.pool.confinement();
    const { passedOver } = confinement;
    const words = confinementWords(confinement);
    if (isConfined(confinement)) return ok(words);
    return note([words, ...passedOver, "see docs/isolation.md"].join("; "));
  },
  HEIC: async () =>
    (await hasHeicDecoder())
      ? ok("heif-convert is here")
      : note("HEIC pictures are refused; apt-get install libheif-examples brings the decoder"),
  Access: checkAccess,
  Certificates: checkCertificates,
  Port: async (config) => await tryPort({ ...config, section: "" }),
  Events: async (config) => ok(await checkEvents(config)),
  Webhook: async (config) => {
    const { webhook } = config.events;
    if (webhook.token === undefined) return ok("none");
    return await tryPort({ ...webhook, section: "events.webhook." });
  },
};

async function tryPort(at: ListenAt): Promise<Finding> {
  const place = `${at.host}:${at.port}`;
  try {
    await tryListen(at);
    return ok(`${place} is free`);
  } catch (error) {
    if (!(error instanceof Problem) || !isTaken(error)) throw error;
    return note(`${place} is taken: veil is running already, or something else`);
  }
}

async function keyOf({ dataDir }: Config): Promise<string | undefined> {
  const { key } = placesIn(dataDir);
  return existsSync(key) ? readInstallationKey(key) : undefined;
}

function cannotUse(path: string): (cause: NodeJS.ErrnoException) => never {
  return (cause) => {
    throw new Problem("invalid-config", `veil can't use ${path} (jobs.folder): ${cause.code}`, {
      remedy: "Make the folder, or mount the share that it lies on, and let veil's user write to it.",
    });
  };
}

function cannot(route: string, verb: string, path: string): (cause: NodeJS.ErrnoException) => never {
  return (cause) => {
    const detail = `veil can't ${verb} ${path} (route ${route}): ${cause.code}`;
    throw new Problem("invalid-config", detail, { remedy: "Make it, mount its share, or give veil's user the right." });
  };
}

export interface DoctorOptions {
  /** Writes what a maintainer needs to help into this file. */
  readonly bundle?: string;
  /** With it also names: of folders, routes, servers and files. */
  readonly names?: boolean;
  /** A file of veil's log, whose last lines go into the bundle. */
  readonly log?: string;
}

/** `veil doctor`: checks what veil needs, one line each; 1 if something is in the way. */
export async function doctor(flags: ConfigFlags, options: DoctorOptions = {}): Promise<number> {
  const config = configFor(flags);
  const signs = { ok: "✓", note: "!", fault: "✗" };
  const findings: NamedFinding[] = [];
  for (const [name, check] of Object.entries(checks)) {
    const finding = await check(config).catch((error: unknown): Finding => {
      const { message, remedy, code } = toProblem(error);
      return { mark: "fault", text: remedy ? `${message}. ${remedy}` : message, code };
    });
    findings.push({ name, ...finding });
    process.stdout.write(`${signs[finding.mark]} ${name.padEnd(14)} ${finding.text}\n`);
  }
  if (options.bundle !== undefined) {
    const { writeBundle } = await import("./support-bundle.ts");
    await writeBundle(config, findings, { ...options, file: options.bundle });
    process.stdout.write(`${options.bundle} is written; look through it before you send it\n`);
  }
  return findings.some(({ mark }) => mark === "fault") ? 1 : 0;
}
