import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { stringify } from "yaml";
import { startProgram, temporaryDataDir, until } from "./program.ts";

const portrait = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
export const contents = 16;
export const settings = [
  ...["policy.profile=fast", "engine.processes=2", "cache.driver=none", "logLevel=warn"],
  ...[
    "folder.settleMs=50",
    "folder.incompleteMs=1000",
    "folder.reconcileMs=1000",
    "jobs.leaseMs=3000",
    "jobs.retryDelayMs=200",
  ],
  // A job that was in work at every kill must not be taken for the one that kills.
  ...["jobs.maxRetries=20", "limits.reserveMb=0"],
];
export const flagsOf = (all: readonly string[]) => all.flatMap((one) => ["--set", one]);

/** The photographs, and what an undisturbed run makes of each (SHA-256). */
export interface Album {
  readonly originals: readonly Buffer[];
  readonly masked: readonly string[];
}

/** Folders, the routes between them, and what was put into them. */
export interface World {
  readonly root: string;
  readonly dataDir: string;
  readonly routes: readonly string[];
  /** By route: what lies in its input now, by key; the number of its photograph. */
  readonly held: ReadonlyMap<string, Map<string, number>>;
  /** By route and key: every photograph that ever lay there. */
  readonly ever: ReadonlyMap<string, ReadonlySet<number>>;
  inputOf(route: string): string;
  outputOf(route: string): string;
  /** Puts so many new photographs into each route's input, whole at once. */
  drop(count: number): Promise<void>;
  /** Touches, renames and rewrites some that lie in the folder. */
  storm(): Promise<void>;
}

const ownRoutes = ["folder", "moved", "gone"];

/** Made once for all runs of a process. */
export async function makeAlbum(): Promise<Album> {
  const originals = await Promise.all(
    Array.from({ length: contents }, (_, index) =>
      sharp(portrait)
        .resize(160 + 3 * index)
        .modulate({ hue: index * 20 })
        .jpeg()
        .toBuffer(),
    ),
  );
  const root = await temporaryDataDir();
  const world = openWorld(root, originals);
  try {
    await readyWorld(world);
    for (const [index, bytes] of originals.entries())
      await writeFile(join(world.inputOf("folder"), `${index}.jpg`), bytes);
    await using veil = await startProgram({ dataDir: world.dataDir, flags: flagsOf(settings) });
    const output = world.outputOf("folder");
    await until("the undisturbed run is done", async () => {
      const names = await readdir(output);
      return names.filter((name) => !name.startsWith(".")).length === contents;
    });
    await veil.stop();
    const masked = await Promise.all(originals.map((_, index) => digestOf(join(output, `${index}.jpg`))));
    return { originals, masked };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** A world in a folder of the caller's, with an output on a share if there is one; `readyWorld` makes its folders. */
export function openWorld(root: string, originals: readonly Buffer[], share?: string): World {
  const dataDir = join(root, "data");
  const routes = [...ownRoutes, ...(share === undefined ? [] : ["shared"])];
  const held = new Map<string, Map<string, number>>(routes.map((route) => [route, new Map()]));
  const ever = new Map<string, Set<number>>();
  let made = 0;
  const at = (route: string, part: "input" | "output") => {
    if (route === "folder") return join(dataDir, part === "input" ? "input_photos" : "output_anonymous");
    return route === "shared" && part === "output" ? join(share!, "out") : join(root, `${route}-${part}`);
  };
  const inputOf = (route: string) => at(route, "input");

  async function put(route: string, key: string, photograph: number): Promise<void> {
    const path = join(inputOf(route), key);
    await mkdir(join(path, ".."), { recursive: true });
    await mkdir(join(root, "staging"), { recursive: true });
    const staged = join(root, "staging", "next");
    await writeFile(staged, originals[photograph]!);
    note(route, key, photograph);
    await rename(staged, path);
  }

  function note(route: string, key: string, photograph: number): void {
    held.get(route)!.set(key, photograph);
    const all = ever.get(`${route} ${key}`) ?? new Set();
    ever.set(`${route} ${key}`, all.add(photograph));
  }

  return {
    ...{ root, dataDir, routes, held, ever, inputOf },
    outputOf: (route) => at(route, "output"),

    async drop(count) {
      for (let i = 0; i < count; i++) {
        for (const route of routes) await put(route, `day ${made % 3}/p${made}.jpg`, made % contents);
        made += 1;
      }
    },

    async storm() {
      const keys = [...held.get("folder")!.keys()].slice(-12);
      const [touched, renamed, rewritten] = [keys.slice(0, 4), keys.slice(4, 8), keys.slice(8)];
      for (let round = 0; round < 3; round++) {
        const now = new Date(Date.now() + round);
        for (const key of touched) await utimes(join(inputOf("folder"), key), now, now);
      }
      for (const key of renamed) {
        const photograph = held.get("folder")!.get(key)!;
        const target = key.replace(/\.jpg$/, "-renamed.jpg");
        note("folder", target, photograph);
        await rename(join(inputOf("folder"), key), join(inputOf("folder"), target));
        held.get("folder")!.delete(key);
      }
      for (const key of rewritten) await put("folder", key, (held.get("folder")!.get(key)! + 1) % contents);
    },
  };
}

/** Folders and the configuration: originals of one route are moved, those of another deleted. */
export async function readyWorld({ root, dataDir, routes, inputOf, outputOf }: World): Promise<void> {
  await mkdir(dataDir, { mode: 0o700 });
  for (const route of routes)
    for (const folder of [inputOf(route), outputOf(route)]) await mkdir(folder, { recursive: true });
  await mkdir(join(root, "originals"));
  const quick = { settleMs: 50, reconcileMs: 1000 };
  const between = (route: string) => ({ from: inputOf(route), to: outputOf(route), ...quick });
  const moved = { ...between("moved"), originals: "move", movedTo: join(root, "originals") };
  const gone = { ...between("gone"), originals: "delete" };
  const all = { moved, gone, ...(routes.includes("shared") && { shared: { ...between("shared"), pollMs: 1000 } }) };
  await writeFile(join(dataDir, "veil.yaml"), stringify({ routes: all }, { aliasDuplicateObjects: false }));
}

/** SHA-256 (hex) of a file; nothing where there is none. */
export async function digestOf(path: string): Promise<string> {
  const bytes = await readFile(path).catch(() => undefined);
  return bytes === undefined ? "" : createHash("sha256").update(bytes).digest("hex");
}

/** Every file below a folder, by its path from there. */
export async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1));
}
