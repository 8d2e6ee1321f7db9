import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { coverOfPicture } from "../../src/core/cover.ts";
import { defaultPolicy, type Policy } from "../../src/core/policy.ts";
import type { Region } from "../../src/core/region.ts";
import { openPicture } from "../../src/engine/image-medium.ts";
import type { Coefficients } from "../../src/engine/jpeg/coefficients.ts";
import { readJpeg } from "../../src/engine/jpeg/read-jpeg.ts";
import { writeJpeg } from "../../src/engine/jpeg/write-jpeg.ts";
import { detailCorrelation, meanDifference, type Picture, pixelsOf } from "../fixtures/pixels.ts";
import { type Scene, scene } from "../fixtures/scenes.ts";

// The engine keeps libvips from reading SVG, with which the scenes are drawn.
sharp.unblock({ operation: ["VipsForeignLoadSvg"] });

export const lossless: Policy = { ...defaultPolicy, lossless: true };
export const limits = { maxBytes: 2 ** 26, maxPixels: 50e6, maxFrames: 20 };
/** Regions are given: nothing is to be detected. */
export const noDetector = { name: "none", digest: "", detect: async () => [] };
export const noTools = spawnSync("cjpeg", ["-version"]).error
  ? "not run: cjpeg is not here (libjpeg-turbo-progs)"
  : false;

/** Of a size that no MCU divides, with a face in the middle and one that the border cuts. */
export function oddScene(): Promise<Scene> {
  const faces = [
    { x: 150, y: 130, height: 70 },
    { x: 395, y: 270, height: 90 },
  ];
  return scene({ width: 413, height: 299, faces });
}

export const regionsOf = ({ truth }: Pick<Scene, "truth">): Region[] =>
  truth.map((box) => ({ kind: "face", box, score: 1 }));

/** Masks a file by way of files in `folder`. */
export async function maskIn(
  folder: string,
  file: Buffer,
  regions: readonly Region[],
  policy = lossless,
): Promise<Buffer> {
  const [path, outPath] = [join(folder, randomUUID()), join(folder, randomUUID())];
  await writeFile(path, file);
  const picture = await openPicture(path, { limits, scratch: folder, detector: noDetector });
  await picture.render(regions, policy, outPath);
  return readFile(outPath);
}

/** A JPEG as libjpeg's own encoder makes it. */
export async function cjpeg(args: readonly string[], png: Buffer): Promise<Buffer> {
  const { data, width, height } = await pixelsOf(png);
  const input = Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), data]);
  const made = spawnSync("cjpeg", ["-quality", "90", ...args], { input, maxBuffer: 2 ** 26 });
  assert.equal(made.status, 0, String(made.stderr));
  return made.stdout;
}

export type Visit = (place: {
  readonly component: number;
  /** Where the block's coefficients begin in both. */
  readonly at: number;
  /** The upright pixels that it can show, ends exclusive: with a sample on each side where there are fewer samples than pixels. */
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}) => void;

/** All blocks that hold pixels, for pictures that are stored upright. */
export function eachBlock({ components }: Coefficients, visit: Visit): void {
  for (const [component, { across, down, pitch, spanX, spanY }] of components.entries()) {
    const [more, moreY] = [spanX > 1 ? spanX : 0, spanY > 1 ? spanY : 0];
    for (let row = 0; row < down; row++) {
      for (let column = 0; column < across; column++) {
        const [left, top] = [8 * spanX * column, 8 * spanY * row];
        visit({
          component,
          at: 64 * (row * pitch + column),
          left: left - more,
          top: top - moreY,
          right: left + 8 * spanX + more,
          bottom: top + 8 * spanY + moreY,
        });
      }
    }
  }
}

/** How many pixels of a rectangle are touched by a mask, and whether all are hidden at full strength. */
export function coverIn(
  values: Uint8Array,
  width: number,
  height: number,
  { left, top, right, bottom }: Parameters<Visit>[0],
) {
  let touched = 0;
  let full = true;
  for (let y = Math.max(0, top); y < Math.min(height, bottom); y++) {
    for (let x = Math.max(0, left); x < Math.min(width, right); x++) {
      const value = values[y * width + x]!;
      if (value > 0) touched++;
      if (value < 255) full = false;
    }
  }
  return { touched, full };
}

/** That every block no mask touches is kept to the bit, and every one that it touches has lost the face. */
export async function assertLossless(
  original: Buffer,
  made: Buffer,
  { truth }: Scene,
  policy = lossless,
): Promise<void> {
  const [was, is] = [readJpeg(original), readJpeg(made)];
  const regions = regionsOf({ truth });
  const cover = coverOfPicture(was.width, was.height, regions, policy).values;
  let [kept, changed] = [0, 0];
  eachBlock(was, (place) => {
    const { touched } = coverIn(cover, was.width, was.height, place);
    const [before, now] = [was, is].map(({ components }) =>
      components[place.component]!.values.subarray(place.at, place.at + 64),
    );
    if (touched > 0) changed++;
    else {
      kept++;
      assert.deepEqual(now, before);
    }
  });
  assert.ok(kept > 100 && changed > 20);
  const [before, now] = [await pixelsOf(original), await pixelsOf(made)];
  assertSeen(before, now, { truth }, policy);
}

/** The same with another decoder's eyes: for pictures in any orientation. */
export function assertSeen(before: Picture, now: Picture, { truth }: Pick<Scene, "truth">, policy = lossless): void {
  assert.deepEqual([now.width, now.height], [before.width, before.height]);
  const regions = regionsOf({ truth });
  const cover = coverOfPicture(before.width, before.height, regions, policy).values;
  // No block and no sample reaches further than the largest MCU and one sample.
  const near = new Uint8Array(cover.length);
  const reach = 36;
  for (let y = 0; y < before.height; y++) {
    for (let x = 0; x < before.width; x++) {
      if (cover[y * before.width + x] === 0) continue;
      for (let v = Math.max(0, y - reach); v <= Math.min(before.height - 1, y + reach); v += 4) {
        near.fill(1, v * before.width + Math.max(0, x - reach), v * before.width + Math.min(before.width, x + reach));
      }
    }
  }
  const far = (x: number, y: number) => near[y * before.width + x] === 0 && near[(y & ~3) * before.width + x] === 0;
  assert.equal(meanDifference(before, now, far), 0);
  for (const box of truth) assert.ok(Math.abs(detailCorrelation(before, now, box)) < 0.25);
}

/** Marker codes of a JPEG up to its last scan, and what follows the end marker. */
export function markersOf(file: Buffer): { markers: string[]; behind: number } {
  const markers: string[] = [];
  let at = 2;
  for (;;) {
    while (file[at] !== 0xff || file[at + 1] === 0 || (file[at + 1]! >= 0xd0 && file[at + 1]! <= 0xd7)) at++;
    const marker = file[at + 1]!;
    if (marker === 0xd9) return { markers, behind: file.length - at - 2 };
    markers.push(marker.toString(16));
    at += 2 + file.readUInt16BE(at + 2);
  }
}

/** The coefficients as a file of their own. */
export function written(picture: Coefficients): Buffer {
  const { components } = picture;
  return writeJpeg(
    picture,
    (component, number, block) => {
      block.values = components[component]!.values;
      block.at = 64 * number;
    },
    { orientation: 1 },
    1e5,
  );
}
