import { mkdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Config } from "../config.ts";
import { maskedName } from "../core/masked-name.ts";
import { policyDigest } from "../core/policy.ts";
import { Problem, toProblem } from "../errors.ts";
import { putMasked } from "../pipeline/deliver.ts";
import { type MaskedNow, maskNow } from "../pipeline/mask-now.ts";
import { createFsStore } from "../stores/fs.ts";
import { openCommandEngine } from "./engine.ts";
import { type Manifest, openManifest } from "./manifest.ts";
import { type Failure, planMasking, type Task } from "./mask-plan.ts";
import { printable } from "./printable.ts";
import { createProgress } from "./progress.ts";

export interface ManyOptions {
  /** Pictures and folders. */
  readonly inputs: readonly string[];
  /** A folder, made where it is absent. Absent: each result beside its original. */
  readonly out: string | undefined;
  readonly force: boolean;
}

type Result =
  | { readonly kind: "masked" | "done"; readonly regions: number }
  | { readonly kind: "skipped" }
  | { readonly kind: "failed"; readonly problem: Problem };

const shownWithoutFace = 10;

/** `veil mask A B FOLDER --out FOLDER`: several pictures at once; what is done already in a folder is not done again. */
export async function maskMany(config: Config, { inputs, out, force }: ManyOptions): Promise<number> {
  const folder = out === undefined ? undefined : resolve(out);
  const { tasks, skipped, failures: known } = await planMasking(inputs, folder);
  if (folder !== undefined) await mkdir(folder, { recursive: true });
  const manifest = folder === undefined ? undefined : await openManifest(folder);
  await using engine = await openCommandEngine(config);
  const { pool, signal } = engine;
  const { policy } = config;
  const recipe = `${policyDigest(policy)} ${(await pool.detector()).digest}`;
  const failures: Failure[] = [...known];

  async function maskTask(task: Task): Promise<Result> {
    const write = folder === undefined ? writeBeside : await intoFolder(task, folder, manifest!);
    if (typeof write === "number") return { kind: "done", regions: write };
    await using result = await maskNow(pool, task.path, { policy, signal, lane: "bulk" });
    if ((await task.input.head(task.key))?.version !== task.version)
      throw new Problem("changed-while-reading", "the picture changed while it was read");
    await write(task, result);
    return { kind: "masked", regions: result.regions.length };
  }

  async function writeBeside({ label }: Task, { masked }: MaskedNow): Promise<void> {
    const name = maskedName(basename(label), masked.contentType);
    const root = dirname(resolve(label));
    const store = createFsStore({ name: root, root });
    await putMasked(store, name, masked, force ? {} : { ifNoneMatch: "*" }).catch((error: unknown) => {
      if (!(error instanceof Problem) || error.code !== "already-exists") throw error;
      const there = join(dirname(label), name);
      throw new Problem("already-exists", `${there} exists already`, { remedy: "Add --force to replace it." });
    });
  }

  /** How many regions were masked, where that is done already; else what writes the result. */
  async function intoFolder({ target, mark, version }: Task, root: string, done: Manifest) {
    const output = createFsStore({ name: root, root });
    const there = await output.head(target);
    const before = done.of(mark);
    // Another picture of the same masked name (a.heic and a.heic.jpg) owns what it wrote.
    const mine = there !== undefined && before?.output === target && before.outputVersion === there.version;
    if (!force && mine && before?.version === version && before.recipe === recipe) return before.regions;
    if (there !== undefined && !mine && !force) {
      throw new Problem("already-exists", "something that veil did not write lies at the output", {
        remedy: "Add --force to replace it.",
      });
    }
    return async (_: Task, { masked, regions }: MaskedNow) => {
      const { version: outputVersion } = await putMasked(output, target, masked);
      await done.add({ key: mark, version, recipe, output: target, outputVersion, regions: regions.length });
    };
  }

  const counts = { masked: 0, done: 0, skipped, failed: 0 };
  const withoutFace: string[] = [];
  let regions = 0;
  const progress = createProgress(tasks.length);
  let next = 0;
  async function work(): Promise<void> {
    while (next < tasks.length && !signal.aborted) {
      const task = tasks[next++]!;
      const result = await maskTask(task).catch((error: unknown): Result => {
        const problem = toProblem(error);
        return problem.code === "not-an-image" ? { kind: "skipped" } : { kind: "failed", problem };
      });
      if (signal.aborted && result.kind === "failed") return;
      counts[result.kind]++;
      if (result.kind === "failed") failures.push({ label: task.label, problem: result.problem });
      else if (result.kind !== "skipped") regions += result.regions;
      if (result.kind === "masked" && result.regions === 0) withoutFace.push(task.label);
      progress.tick(result.kind === "masked");
    }
  }
  await Promise.all(Array.from({ length: config.engine.processes }, work));
  progress.stop();

  const said = [
    `${counts.masked} masked`,
    ...(counts.done ? [`${counts.done} done before`] : []),
    ...(counts.skipped ? [`${counts.skipped} skipped (not pictures)`] : []),
    ...(failures.length ? [`${failures.length} failed`] : []),
  ];
  const where = out === undefined ? "beside the originals as NAME-masked.EXT" : `in ${out}`;
  const rate = counts.masked > 0 ? [progress.rate()] : [];
  const lines = [[said.join(", "), `${regions} ${regions === 1 ? "face" : "faces"}`, ...rate].join("; ")];
  if (counts.masked > 0) lines.push(`Results lie ${where}.`);
  if (withoutFace.length > 0) {
    const rest = withoutFace.length - shownWithoutFace;
    const named = withoutFace.slice(0, shownWithoutFace).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
    lines.push(`No face found, look yourself: ${named}`);
  }
  for (const { label, problem } of failures)
    lines.push(`  failed  ${label}: ${problem.message}${problem.remedy ? ` (${problem.remedy})` : ""}`);
  if (signal.aborted) lines.push("Stopped. The same command goes on from here.");
  for (const line of lines) process.stderr.write(`${printable(line)}\n`);
  return failures.length > 0 || signal.aborted ? 1 : 0;
}
