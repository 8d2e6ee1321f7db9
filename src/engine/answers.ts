import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { isExtensionOf } from "../core/masked-name.ts";
import type { Limits } from "../core/media.ts";
import type { Box, Point, Region } from "../core/region.ts";
import { headBytes, imageFormats, recognise } from "../core/sniff.ts";
import { Problem } from "../errors.ts";
import type { RenderedFile } from "./image-medium.ts";
import type { EngineAnswers, EngineVerb } from "./protocol.ts";

/*
 * A process that was broken into may say anything, and what it says goes into answers, records and names of files: here
 * is what an engine process may say, and nothing else of its answer is taken over.
 */

/** A process answered what none of veil's does. */
export class UntrueAnswer extends Problem {}

/** More than anybody has seen: a thousand faces in each of a hundred frames. */
const mostRegions = 100_000;
const formats: ReadonlySet<string> = new Set(imageFormats);

type Checks = { readonly [V in EngineVerb]: (value: unknown, limits: Limits) => EngineAnswers[V] };

const checks: Checks = {
  setup(value) {
    const { name, digest, seen } = objectOf(value);
    const { folder, network } = objectOf(seen);
    return {
      name: textOf(name, /^[\w+.-]{1,200}$/),
      digest: textOf(digest, /^[0-9a-f]{64}$/),
      // Whatever it does not deny.
      seen: { folder: folder !== false, network: network !== false },
    };
  },
  open(value, { maxPixels, maxFrames }) {
    const { format, width, height, frames, hidden } = objectOf(value);
    const header = {
      format: textOf(format, /^[a-z]{3,4}$/),
      width: countOf(width, maxPixels),
      height: countOf(height, maxPixels),
      frames: countOf(frames, maxFrames),
    };
    if (!formats.has(header.format)) throw untrue("a format");
    return hidden === undefined ? header : { ...header, hidden: countOf(hidden, maxPixels) };
  },
  look(value) {
    const { first, second } = objectOf(value);
    return { first: listOf(first).map(regionOf), second: listOf(second).map(regionOf) };
  },
  render(value, { maxPixels }) {
    const { contentType, extension, size, sha256, width, height } = objectOf(value);
    const file: RenderedFile = {
      contentType: textOf(contentType, /^image\/[a-z]{3,4}$/),
      extension: textOf(extension, /^[a-z]{3,4}$/),
      size: countOf(size, Number.MAX_SAFE_INTEGER),
      sha256: textOf(sha256, /^[0-9a-f]{64}$/),
      width: countOf(width, maxPixels),
      height: countOf(height, maxPixels),
    };
    if (!isExtensionOf(file.extension, file.contentType)) throw untrue("a content type");
    return file;
  },
  preview: () => null,
  close: () => null,
};

/** An answer as it may be. Problem internal. */
export function checkedAnswer<V extends EngineVerb>(verb: V, value: unknown, limits: Limits): EngineAnswers[V] {
  return checks[verb](value, limits);
}

/** Whether a file is what was said of it: its size, its digest, and the kind of picture it begins as. Problem internal. */
export async function requireAsSaid(path: string, { size, sha256, contentType }: RenderedFile): Promise<void> {
  const hash = createHash("sha256");
  let head = Buffer.alloc(0);
  let length = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    if (head.length < headBytes) head = Buffer.concat([head, chunk.subarray(0, headBytes - head.length)]);
    hash.update(chunk);
    length += chunk.length;
  }
  const found = recognise(head);
  const isKind = found.kind === "image" && isExtensionOf(found.format, contentType);
  if (length !== size || hash.digest("hex") !== sha256 || !isKind) throw untrue("the masked file");
}

function regionOf(value: unknown): Region {
  const { kind, box, score, keypoints, frame } = objectOf(value);
  if (kind !== "face" && kind !== "text" && kind !== "plate") throw untrue("a region");
  return {
    kind,
    box: boxOf(box),
    score: numberOf(score),
    ...(keypoints !== undefined && { keypoints: listOf(keypoints).map(pointOf) }),
    ...(frame !== undefined && { frame: frame === 0 ? 0 : countOf(frame, mostRegions) }),
  };
}

function boxOf(value: unknown): Box {
  const { x, y, width, height } = objectOf(value);
  return { x: numberOf(x), y: numberOf(y), width: numberOf(width), height: numberOf(height) };
}

function pointOf(value: unknown): Point {
  const { x, y } = objectOf(value);
  return { x: numberOf(x), y: numberOf(y) };
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw untrue("an object");
  return value as Readonly<Record<string, unknown>>;
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value) || value.length > mostRegions) throw untrue("a list");
  return value;
}

function numberOf(value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value)) throw untrue("a number");
  return value;
}

function countOf(value: unknown, most: number): number {
  const count = numberOf(value);
  if (!Number.isSafeInteger(count) || count < 0 || count > most) throw untrue("a count");
  return count;
}

function textOf(value: unknown, pattern: RegExp): string {
  if (typeof value !== "string" || !pattern.test(value)) throw untrue("a text");
  return value;
}

function untrue(what: string): UntrueAnswer {
  return new UntrueAnswer("internal", `The engine process answered with ${what} that no engine process gives`);
}
