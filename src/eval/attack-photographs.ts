import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Detector, Pixels } from "../core/detector.ts";
import { faceWidthOf } from "../core/ellipse.ts";
import type { Limits } from "../core/media.ts";
import type { Region } from "../core/region.ts";
import { decode } from "../engine/decode.ts";
import { Problem } from "../errors.ts";

/** One photograph of one person, its face found while it was still clear. */
export interface Photograph {
  /** Zero-based number among those attacked. */
  readonly person: number;
  readonly pixels: Pixels;
  readonly region: Region;
}

/** Whom the attackers try to recognise. */
export interface People {
  /** Folder names, by number. */
  readonly names: readonly string[];
  /** Each person's first is in the gallery, the second is the probe, and further ones train attackers alone. */
  readonly photographs: readonly Photograph[];
  /** Photographs without a face that was found, and people left with fewer than two. */
  readonly left: { readonly photographs: number; readonly people: number };
}

/** Pixels that matter lie within so many face widths of the face's middle. */
const context = 3;

/**
 * Reads DIR/PERSON/N.jpg: a folder a person, at least two photographs in it, in the order of their names. The face
 * nearest the middle is taken for the person's. Problems: not-found, invalid-request, and those of decoding.
 */
export async function readPeople(
  folder: string,
  detector: Detector,
  { scratch, limits, most = Number.POSITIVE_INFINITY }: { scratch: string; limits: Limits; most?: number },
): Promise<People> {
  const folders = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new Problem("not-found", `${folder}: expected a folder of people`, { cause });
  });
  const names: string[] = [];
  const photographs: Photograph[] = [];
  const left = { photographs: 0, people: 0 };
  for (const { name } of folders.filter((entry) => entry.isDirectory()).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (names.length >= most) break;
    const files = (await readdir(join(folder, name))).filter((file) => /\.(jpe?g|png|webp|avif)$/i.test(file)).sort();
    const found: Photograph[] = [];
    for (const file of files) {
      const { data, width, height, channels } = await decode({ path: join(folder, name, file) }, limits, scratch);
      const pixels: Pixels = { data, width, height, channels };
      const region = middlemost(await detector.detect(pixels, { profile: "fast" }), pixels);
      if (region) found.push({ person: names.length, ...around(pixels, region) });
      else left.photographs++;
    }
    if (found.length < 2) {
      left.people++;
      continue;
    }
    names.push(name);
    photographs.push(...found);
  }
  if (names.length < 8) {
    throw new Problem(
      "invalid-request",
      `${folder}: expected at least 8 people with two photographs each but found ${names.length}`,
      { remedy: "Put the photographs into DIR/PERSON/, a folder a person." },
    );
  }
  return { names, photographs, left };
}

/** Which half a person is in: 0 or 1, by a hash of the name, so that it does not depend on who else is there. */
export function halfOf(name: string): 0 | 1 {
  return (createHash("sha256").update(name).digest()[0]! & 1) as 0 | 1;
}

function middlemost(regions: readonly Region[], { width, height }: Pixels): Region | undefined {
  const distance = ({ box }: Region) =>
    Math.hypot(box.x + box.width / 2 - width / 2, box.y + box.height / 2 - height / 2) - box.height / 2;
  return regions.toSorted((a, b) => distance(a) - distance(b))[0];
}

/** What lies around the face, so that large photographs cost no more than small ones. */
function around({ data, width, height, channels }: Pixels, region: Region): { pixels: Pixels; region: Region } {
  const { box, keypoints } = region;
  const reach = context * faceWidthOf(box);
  const left = Math.max(0, Math.floor(box.x + box.width / 2 - reach));
  const top = Math.max(0, Math.floor(box.y + box.height / 2 - reach));
  const right = Math.min(width, Math.ceil(box.x + box.width / 2 + reach));
  const bottom = Math.min(height, Math.ceil(box.y + box.height / 2 + reach));
  const cut = new Uint8Array((right - left) * (bottom - top) * channels);
  for (let y = top, to = 0; y < bottom; y++, to += (right - left) * channels) {
    cut.set(data.subarray((y * width + left) * channels, (y * width + right) * channels), to);
  }
  const moved = {
    ...region,
    box: { ...box, x: box.x - left, y: box.y - top },
    ...(keypoints && { keypoints: keypoints.map(({ x, y }) => ({ x: x - left, y: y - top })) }),
  };
  return { pixels: { data: cut, width: right - left, height: bottom - top, channels }, region: moved };
}
