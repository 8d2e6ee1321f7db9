import { join, parse } from "node:path";
import { type Config, routesOf } from "../config.ts";
import { allOf, requireOf } from "../core/kept-regions.ts";
import type { DataFolder } from "../data-folder.ts";
import { type Outline, writeOutlines } from "../engine/outline.ts";
import { Problem } from "../errors.ts";
import type { Reviewed } from "../pipeline/review.ts";
import { openCommandEngine } from "./engine.ts";

const colours = { first: [255, 200, 0], second: [255, 0, 80] } as const;

/**
 * Writes a held picture as it would be masked, every region drawn, to a file that must not exist: what the second look
 * found in another colour. Of an animation each frame is a file of its own, numbered from 0. Of the original nothing but
 * what no region covers is in it. Answers the files. Problems: not-ready, not-found, already-exists, changed-while-reading.
 */
export async function writeReview(
  config: Config,
  data: DataFolder,
  { record, regions }: Reviewed,
  to: string,
): Promise<readonly string[]> {
  const { job } = record;
  if (regions === undefined)
    throw new Problem("not-ready", `Of job ${job.id} no regions were kept that could be drawn`);
  for (const [name, settings] of routesOf(config)) data.openRoute(name, settings, config.stores);
  const { key, version, store } = job.input;
  const { stream } = await data.storeOf(store).get(key, { version });
  await using engine = await openCommandEngine(config);
  const { pool, spool, signal } = engine;
  await using original = await spool.receive(stream, { maxBytes: config.limits.maxBytes });
  requireOf(regions, original.sha256);
  await using picture = await pool.open(original, { signal, lane: "interactive" });
  const masked = await picture.render(allOf(regions), job.policy);
  const { dir, name, ext } = parse(to);
  const files: string[] = [];
  for (let frame = 0; frame < picture.frames; frame++) {
    const outlines = (["first", "second"] as const).flatMap((look) =>
      regions[look]
        .filter((region) => (region.frame ?? frame) === frame)
        .map(({ box }): Outline => ({ box, colour: colours[look] })),
    );
    const file = picture.frames === 1 ? to : join(dir, `${name}-${frame}${ext}`);
    await writeOutlines(masked.path, frame, outlines, file).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== "EEXIST") throw cause;
      throw new Problem("already-exists", `${file} is there already`, { remedy: "Name another file.", cause });
    });
    files.push(file);
  }
  return files;
}
