import { readFile } from "node:fs/promises";
import type { ConfigFlags } from "../config/layers.ts";
import { routesOf } from "../config.ts";
import { allOf, type KeptRegions } from "../core/kept-regions.ts";
import type { Region } from "../core/region.ts";
import { openDataFolder } from "../data-folder.ts";
import { Problem } from "../errors.ts";
import { refusal } from "../http/faults.ts";
import { decidedRegion } from "../http/options.ts";
import { decidedRegionsSchema } from "../http/schema.ts";
import { createReview, type Reviewed } from "../pipeline/review.ts";
import { lineOf } from "./jobs.ts";
import { printable } from "./printable.ts";
import { configFor, limitOf } from "./settings.ts";

const told = (problem: Problem) => process.stderr.write(`veil: ${problem.message}\n`);

/** `veil review list`: what waits for a person, newest first. */
export async function listReviews(
  flags: ConfigFlags,
  options: { readonly route?: string; readonly limit: string; readonly json?: boolean },
): Promise<number> {
  const limit = limitOf(options.limit);
  await using data = await openDataFolder(configFor(flags), told);
  const scope = options.route === undefined ? {} : { route: options.route };
  const { records, next } = await data.ledger.find({ ...scope, states: ["held"], limit });
  if (options.json) {
    process.stdout.write(`${JSON.stringify(records, null, 2)}\n`);
    return 0;
  }
  for (const record of records) process.stdout.write(`${lineOf(record)}\n`);
  if (next !== undefined) process.stdout.write(`… and older ones: --limit ${limit * 5} shows more\n`);
  const { held } = await data.ledger.counts(options.route);
  process.stdout.write(held === 0 ? "nothing waits for a review\n" : `${held} held\n`);
  return 0;
}

/** `veil review show`: why a picture is held and what was found; with `to` how it would look, masked. */
export async function showReview(
  flags: ConfigFlags,
  id: string,
  options: { readonly to?: string; readonly json?: boolean },
): Promise<number> {
  const config = configFor(flags);
  await using data = await openDataFolder(config, told);
  const reviewed = await createReview(data).read(id);
  if (options.json) process.stdout.write(`${JSON.stringify(jsonOf(reviewed), null, 2)}\n`);
  else process.stdout.write(`${linesOf(reviewed).join("\n")}\n`);
  if (options.to !== undefined) {
    const { writeReview } = await import("./review-picture.ts");
    const files = await writeReview(config, data, reviewed, options.to);
    const names = files.length === 1 ? files[0]! : `${files[0]} to ${files.at(-1)}, a file a frame`;
    if (!options.json) process.stdout.write(`masked, with the regions drawn: ${printable(names)}\n`);
  }
  return 0;
}

/** `veil review approve`: the picture is masked with all that was found, or exactly with a file's regions. */
export async function approveReview(
  flags: ConfigFlags,
  id: string,
  options: { readonly regions?: string; readonly faces: boolean },
): Promise<number> {
  const regions = options.regions === undefined ? undefined : await readRegions(options.regions);
  await using data = await openDataFolder(configFor(flags), told);
  const { job } = await createReview(data).approve(id, { regions, noFaces: !options.faces });
  process.stdout.write(`approved: job ${job.id} takes its place\n`);
  return 0;
}

/** `veil review reject`: no output, ever; the original stays. */
export async function rejectReview(
  flags: ConfigFlags,
  id: string,
  options: { readonly reason?: string },
): Promise<number> {
  const config = configFor(flags);
  await using data = await openDataFolder(config, told);
  for (const [name, settings] of routesOf(config)) data.openRoute(name, settings, config.stores);
  const { takenBack } = await createReview(data).reject(id, options.reason);
  const before = takenBack === 0 ? "" : ", what was written of it before is taken back";
  process.stdout.write(`rejected: nothing is written${before}, and the original stays\n`);
  return 0;
}

/** Of a file with `{"regions":[{"box":{"x","y","width","height"}}]}`, or with the list alone. */
async function readRegions(path: string): Promise<readonly Region[]> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    const why = cause instanceof SyntaxError ? "it is no JSON" : "it can't be read";
    throw new Problem("invalid-request", `Expected regions in ${path} but ${why}`, { cause });
  }
  const list = Array.isArray(value) ? value : (value as { regions?: unknown } | null)?.regions;
  const parsed = decidedRegionsSchema.safeParse(list);
  if (!parsed.success) throw refusal(parsed.error, "regions");
  return parsed.data.map(decidedRegion);
}

const looks = ["first", "second"] as const;

function listed(regions: KeptRegions | undefined) {
  return looks.flatMap((look) => regions?.[look].map((region) => ({ ...region, look })) ?? []);
}

/** The regions of one list, so that it can be changed and given back. */
function jsonOf({ record, regions }: Reviewed): object {
  return { ...record, regions: regions === undefined ? null : listed(regions) };
}

function linesOf({ record, regions }: Reviewed): string[] {
  const { picture, message, successor } = record.last;
  const lines = [lineOf(record)];
  if (message !== undefined) lines.push(`why: ${printable(message)}`);
  if (successor !== undefined) lines.push(`job ${successor} took its place`);
  if (picture !== undefined) {
    const { width, height, frames } = picture;
    lines.push(`picture: ${width} x ${height}${frames > 1 ? `, ${frames} frames` : ""}`);
  }
  if (regions === undefined) return [...lines, "what was found was not kept by the veil that held it"];
  if (allOf(regions).length === 0) return [...lines, "no regions: somebody saw that there is no face"];
  lines.push("look   score     x     y width height");
  for (const { look, box, score, frame } of listed(regions)) {
    const where = [box.x, box.y, box.width, box.height].map((value) => value.toFixed(0).padStart(6)).join("");
    lines.push(`${look.padEnd(7)}${score.toFixed(2)} ${where}${frame === undefined ? "" : `   frame ${frame}`}`);
  }
  return lines;
}
