import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Point } from "../../src/points.ts";
import { assertWhole, publishAgain, unfinished } from "./chaos-checks.ts";
import { readNotes } from "./chaos-notes.ts";
import type { ChaosReport, Kill } from "./chaos-report.ts";
import { type Album, flagsOf, openWorld, readyWorld, settings, type World } from "./chaos-world.ts";
import { type Program, startProgram, temporaryDataDir } from "./program.ts";

export interface ChaosOptions {
  readonly driver: string;
  readonly album: Album;
  /** Settings of the queue. */
  readonly queue?: readonly string[];
  /** Where each life ends; as many lives as there are. */
  readonly ends: readonly (Point | "random")[];
  /** What happens in some lives while the program runs, each in every so many lives. */
  readonly disturb?: Readonly<
    Record<string, { readonly every: number; readonly how: (world: World) => Promise<void> }>
  >;
  /** What could not be done here, and why. */
  readonly notRun?: Readonly<Record<string, string>>;
  /** Where the world lies; absent: in a folder of its own. */
  readonly root?: string;
  /** A mounted share that one route writes to. */
  readonly share?: string;
  /** How long a life may take to come to its end before it is killed from outside. */
  readonly patienceMs?: number;
}

const preload = new URL("chaos-preload.ts", import.meta.url);

/** Kills the program again and again while photographs come in, then lets it finish and checks that nothing is amiss. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { driver, album, queue = [], ends, notRun = {}, patienceMs = 15_000 } = options;
  const began = performance.now();
  const root = options.root ?? (await temporaryDataDir());
  // Where the world's disk may be full, these must not be.
  const noted = await temporaryDataDir();
  const world = openWorld(root, album.originals, options.share);
  const flags = flagsOf([...settings, ...queue]);
  const kills: Kill[] = [];
  const done: Record<string, number> = {};
  let stops = 0;
  let lives = 0;

  const disturb: ChaosOptions["disturb"] = {
    storms: { every: 3, how: (it) => it.storm() },
    "published again": { every: 2, how: async (it) => void (await publishAgain(it, queue)) },
    ...options.disturb,
  };

  async function live(end: Point | "random"): Promise<void> {
    lives += 1;
    const notes = join(noted, String(lives));
    const asked = new URLSearchParams({ notes, point: end, nth: String(1 + Math.floor(Math.random() * 3)) });
    await world.drop(1);
    const start = performance.now();
    // One that is killed before it is ready never says where it is.
    const program = await startProgram({
      ...{ dataDir: world.dataDir, flags },
      nodeFlags: ["--import", `${preload}?${asked}`],
    }).catch((error: Error) => {
      if (!/veil ended with null/.test(error.message)) throw error;
      return undefined;
    });
    const died = program === undefined ? null : await endOf(program, end);
    if (died === "late" || end === "random") await program?.kill();
    const { inWork, again } = await readNotes(notes);
    if (typeof died === "number") stops += 1;
    else
      kills.push({
        driver,
        at: died === "late" ? "random" : end,
        inWork,
        again,
        livedMs: Math.round(performance.now() - start),
      });
  }

  /** Its own end at the point, or the moment to kill it from outside. */
  async function endOf(program: Program, end: Point | "random"): Promise<number | null | "late"> {
    const work = (async () => {
      await world.drop(2);
      for (const [name, { every, how }] of Object.entries(disturb!)) {
        if (lives % every !== every - 1) continue;
        await how(world);
        done[name] = (done[name] ?? 0) + 1;
      }
    })();
    const limit = end === "random" ? 100 + Math.random() * 1500 : patienceMs;
    const over = new AbortController();
    const late = sleep(limit, "late" as const, { signal: over.signal }).catch(() => "late" as const);
    const [first] = await Promise.all([Promise.race([program.ended, late]), work]);
    over.abort();
    return first;
  }

  try {
    await readyWorld(world);
    await mkdir(world.inputOf("folder"), { recursive: true });
    await writeFile(join(world.inputOf("folder"), "broken.jpg"), album.originals[0]!.subarray(0, 3000));
    for (const end of ends) await live(end);

    const notes = join(noted, "last");
    const asked = new URLSearchParams({ notes, point: "none", nth: "1" });
    const last = await startProgram({ dataDir: world.dataDir, flags, nodeFlags: ["--import", `${preload}?${asked}`] });
    await finished(last, () => unfinished(world, album));
    assert.equal(await last.stop(), 0, last.log().slice(-3000));
    const { again } = await readNotes(notes);
    const jobs = await assertWhole(world, album);
    const redeliveries = kills.reduce((sum, kill) => sum + kill.again, again);
    assert.ok(redeliveries > 0, "no job was lent again: the kills hit nothing");
    const photographs = [...world.ever.keys()].length;
    const seconds = Math.round((performance.now() - began) / 1000);
    return { driver, kills, disturbances: { ...done, ...notRun }, stops, photographs, jobs, redeliveries, seconds };
  } finally {
    for (const folder of [noted, ...(options.root === undefined ? [root] : [])])
      await rm(folder, { recursive: true, force: true });
  }
}

async function isIdle({ address }: Program): Promise<boolean> {
  const { counts } = (await (await fetch(`${address}/api/v1/jobs?limit=1`)).json()) as {
    counts: Record<string, number>;
  };
  // What is broken is dead, and that alone.
  return counts.dead === 1 && ["admitted", "started", "failed"].every((state) => (counts[state] ?? 0) === 0);
}

/** How long nothing may come nearer to the end: a machine with other work takes its time for the whole. */
const standstillMs = 90_000;

async function finished(program: Program, missing: () => Promise<readonly string[]>): Promise<void> {
  let [least, since] = [Number.POSITIVE_INFINITY, Date.now()];
  while (true) {
    const left = await missing();
    if (left.length === 0 && (await isIdle(program))) return;
    if (left.length < least) [least, since] = [left.length, Date.now()];
    if (Date.now() - since > standstillMs) {
      throw new Error(`Not done in the end: ${left.slice(0, 5).join("; ")}\n${program.log().slice(-3000)}`);
    }
    await sleep(200);
  }
}
