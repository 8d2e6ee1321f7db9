import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Opened } from "../../src/core/media.ts";
import { defaultPolicy } from "../../src/core/policy.ts";
import type { Region } from "../../src/core/region.ts";
import { isWithin } from "../../src/core/within.ts";
import type { Pool } from "../../src/engine/pool.ts";
import { assertFilled, differenceOutside, framesIn } from "./check-masked.ts";
import type { Mutant } from "./mutant.ts";
import { type Outcome, refused } from "./report.ts";
import { wholeFace } from "./seeds.ts";

const policy = { ...defaultPolicy, style: "solid", profile: "fast" } as const;
/** A face that no detector finds in a damaged picture is masked where the seed had it. */
const drawn: Region = { kind: "face", box: wholeFace, score: 1 };
/** Another picture than the one that was sent would differ by more. */
const encodersDifference = 45;

/** Sends a mutant through the real pool; fails where what comes out is not its masked picture, or not the same twice. */
export async function tryMutant(pool: Pool, spool: string, { of, file }: Mutant, about: string): Promise<Outcome> {
  const path = join(spool, `${about}.mutant`);
  await writeFile(path, file, { mode: 0o600 });
  try {
    const first = await maskOnce(pool, path);
    await using again = await pool.open(path);
    const { sha256 } = await again.render(await regionsOf(again), policy);
    assert.equal(sha256, first, "the same file gave two results");
    return { of: of.format, code: "masked", decoded: true };
  } catch (error) {
    return refused(of.format, error);
  }
}

async function regionsOf(picture: Opened): Promise<readonly Region[]> {
  const { first } = await picture.look(policy);
  return isWithin(drawn, picture) ? [...first, drawn] : first;
}

async function maskOnce(pool: Pool, path: string): Promise<string> {
  await using picture = await pool.open(path);
  const regions = await regionsOf(picture);
  const before = await picture.preview();
  const masked = await picture.render(regions, policy);
  const written = await readFile(masked.path);
  const frames = await framesIn(written);
  const [shown] = frames;
  assert.deepEqual([shown!.width, shown!.height], [picture.width, picture.height]);
  // Encoders join frames that are alike, and let the one stay for as long.
  assert.ok(frames.length <= picture.frames);
  const whole = frames.length === picture.frames;
  assertFilled(frames, whole ? regions : regions.filter(({ frame }) => frame === undefined));
  const difference = await differenceOutside(
    before,
    written,
    regions.filter(({ frame }) => (frame ?? 0) === 0),
  );
  assert.ok(difference < encodersDifference, `the result differs by ${difference.toFixed(1)} from what was sent`);
  return masked.sha256;
}
