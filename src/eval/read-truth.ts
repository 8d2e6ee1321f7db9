import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, isAbsolute, join, posix } from "node:path";
import { Problem } from "../errors.ts";
import type { ParsedTruth, TruePicture } from "./true-picture.ts";
import { parseTruthCoco } from "./truth-coco.ts";
import { parseTruthLines } from "./truth-lines.ts";
import { parseTruthWider } from "./truth-wider.ts";

/** A picture that is there. */
export interface FoundPicture extends TruePicture {
  readonly path: string;
}

export interface Truth {
  readonly pictures: readonly FoundPicture[];
  readonly notes: readonly string[];
  /** What was read: each truth's name and SHA-256 (hex). */
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
}

/**
 * Reads truths, their format told by their content. A picture lies below `folder`, or else beside its truth. Fails with
 * invalid-request, naming every fault of every truth.
 */
export async function readTruth(paths: readonly string[], folder: string): Promise<Truth> {
  const faults: string[] = [];
  const pictures: FoundPicture[] = [];
  const notes: string[] = [];
  const files: Truth["files"][number][] = [];
  const seen = new Map<string, string>();
  for (const path of paths) {
    const text = await readFile(path, "utf8");
    files.push({ name: basename(path), sha256: createHash("sha256").update(text).digest("hex") });
    const parsed = parseTruth(text, basename(path));
    faults.push(...parsed.faults);
    notes.push(...parsed.notes);
    for (const picture of parsed.pictures) {
      const { file, where } = picture;
      if (isAbsolute(file) || posix.normalize(file).startsWith("..")) {
        faults.push(`${where}: ${file}: expected a path below the pictures' folder`);
        continue;
      }
      const found = await firstFile([join(folder, file), join(dirname(path), file)]);
      if (found === undefined) faults.push(`${where}: ${file}: there is no such picture below ${folder}`);
      else if (seen.has(found)) faults.push(`${where}: ${file}: it is in ${seen.get(found)} already`);
      else pictures.push({ ...picture, path: found });
      if (found !== undefined) seen.set(found, where);
    }
  }
  if (faults.length > 0) {
    const intro = faults.length === 1 ? "The truth has a fault" : `The truth has ${faults.length} faults`;
    throw new Problem("invalid-request", `${intro}:\n${faults.map((fault) => `  ${fault}`).join("\n")}`, {
      remedy: "docs/eval.md describes the formats.",
    });
  }
  return { pictures, notes, files };
}

/** The truth in a text; sets without a name are called after the file. */
export function parseTruth(text: string, fileName: string): ParsedTruth {
  const name = fileName;
  const [first = "", second = ""] = text.split("\n").filter((line) => line.trim() !== "");
  const whole = text.trimStart().startsWith("{") ? jsonIn(text) : undefined;
  const parsed =
    whole !== undefined && ("images" in whole || "annotations" in whole)
      ? parseTruthCoco(whole, name)
      : first.trimStart().startsWith("{")
        ? parseTruthLines(text, name)
        : /^\d+$/.test(second.trim())
          ? parseTruthWider(text, name)
          : unknownFormat(name, first);
  const set = basename(fileName, extname(fileName));
  return { ...parsed, pictures: parsed.pictures.map((one) => (one.set === name ? { ...one, set } : one)) };
}

function unknownFormat(name: string, first: string): ParsedTruth {
  const expected = "JSON lines with a file each, WIDER FACE's text or COCO's JSON";
  const fault = `${name}:1: expected ${expected} but received ${JSON.stringify(first.slice(0, 60))}`;
  return { pictures: [], faults: [fault], notes: [] };
}

function jsonIn(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    // Several objects, a line each.
    return undefined;
  }
}

async function firstFile(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const info = await stat(path).catch(() => undefined);
    if (info?.isFile()) return path;
  }
  return undefined;
}
