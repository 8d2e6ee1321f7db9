import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { contains } from "../config/folders.ts";
import type { Config } from "../config.ts";
import { policyDigest } from "../core/policy.ts";
import { Problem, toProblem } from "../errors.ts";
import { putMasked } from "../pipeline/deliver.ts";
import { maskNow } from "../pipeline/mask-now.ts";
import { outputKey } from "../pipeline/route.ts";
import { createFsStore } from "../stores/fs.ts";
import type { ObjectInfo } from "../stores/store.ts";
import { openCommandEngine } from "./engine.ts";
import { openManifest } from "./manifest.ts";
import { printable } from "./printable.ts";
import { createProgress } from "./progress.ts";

export interface FolderOptions {
  readonly input: string;
  readonly out: string;
  readonly force: boolean;
}

type Result =
  | { readonly kind: "masked" | "done"; readonly regions: number }
  | { readonly kind: "skipped" }
  | { readonly kind: "failed"; readonly problem: Problem };

/** `veil mask FOLDER --out FOLDER`: every picture, several at once; what is done already is not done again. */
export async function maskFolder(config: Config, options: FolderOptions): Promise<number> {
  const [from, to] = [resolve(options.input), resolve(options.out)];
  if (contains(from, to) || contains(to, from)) {
    throw new Problem("invalid-request", "Expected an --out folder apart from the pictures' folder", {
      remedy: "Choose one beside it.",
    });
  }
  await mkdir(to, { recursive: true });
  const failures: { readonly key: string; readonly problem: Problem }[] = [];
  const onProblem = (problem: Problem) => failures.push({ key: "", problem });
  const input = createFsStore({ name: "input", root: from, onProblem });
  const output = createFsStore({ name: "output", root: to });
  const manifest = await openManifest(to);
  await using engine = await openCommandEngine(config);
  const { pool, signal } = engine;
  const { policy } = config;
  const recipe = `${policyDigest(policy)} ${(await pool.detector()).digest}`;

  const objects: ObjectInfo[] = [];
  for await (const object of input.list("")) objects.push(object);
  objects.sort((a, b) => (a.key < b.key ? -1 : 1));

  async function maskOne({ key, version }: ObjectInfo): Promise<Result> {
    const target = outputKey(key);
    const there = await output.head(target);
    const before = manifest.of(key);
    // Another picture of the same masked name (a.heic and a.heic.jpg) owns what it wrote.
    const mine = there !== undefined && before?.output === target && before.outputVersion === there.version;
    if (!options.force && mine && before?.version === version && before.recipe === recipe)
      return { kind: "done", regions: before.regions };
    if (there !== undefined && !mine && !options.force) {
      throw new Problem("already-exists", "something that veil did not write lies at the output", {
        remedy: "Add --force to replace it.",
      });
    }
    await using result = await maskNow(pool, resolve(from, key), { policy, signal, lane: "bulk" });
    if ((await input.head(key))?.version !== version)
      throw new Problem("changed-while-reading", "the picture changed while it was read");
    const written = await putMasked(output, target, result.masked);
    const regions = result.regions.length;
    await manifest.add({ key, version, recipe, output: target, outputVersion: written.version, regions });
    return { kind: "masked", regions };
  }

  const counts = { masked: 0, done: 0, skipped: 0, failed: 0 };
  let regions = 0;
  const progress = createProgress(objects.length);
  let next = 0;
  async function work(): Promise<void> {
    while (next < objects.length && !signal.aborted) {
      const object = objects[next++]!;
      const result = await maskOne(object).catch((error: unknown): Result => {
        const problem = toProblem(error);
        return problem.code === "not-an-image" ? { kind: "skipped" } : { kind: "failed", problem };
      });
      if (signal.aborted && result.kind === "failed") return;
      counts[result.kind]++;
      if (result.kind === "failed") failures.push({ key: object.key, problem: result.problem });
      else if (result.kind !== "skipped") regions += result.regions;
      progress.tick(result.kind !== "done");
    }
  }
  await Promise.all(Array.from({ length: config.engine.processes }, work));
  progress.stop();
  await Promise.all([input.close(), output.close()]);

  const said = [
    `${counts.masked} masked`,
    ...(counts.done ? [`${counts.done} done before`] : []),
    ...(counts.skipped ? [`${counts.skipped} skipped (not pictures)`] : []),
    ...(failures.length ? [`${failures.length} failed`] : []),
  ];
  process.stderr.write(`${said.join(", ")}; ${regions} faces; ${progress.rate()}\n`);
  for (const { key, problem } of failures) {
    process.stderr.write(
      `  failed  ${printable(`${key}: ${problem.message}`)}${problem.remedy ? ` (${problem.remedy})` : ""}\n`,
    );
  }
  if (signal.aborted) process.stderr.write("Stopped. The same command goes on from here.\n");
  return failures.length > 0 || signal.aborted ? 1 : 0;
}
