import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { chmod, readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { Problem } from "../errors.ts";

export const manifestName = "backup.json";

/** What a backup says of itself: which files it has, to the byte. */
const manifestSchema = z.object({
  schema: z.literal("veil-backup/1"),
  veil: z.string(),
  takenAt: z.iso.datetime(),
  /** Where the ledger lies; over PostgreSQL it is not among the files. */
  ledger: z.enum(["sqlite", "postgres"]),
  /** Paths with `/`, below the backup's folder. */
  files: z.array(z.object({ path: z.string(), size: z.number(), sha256: z.string() }).readonly()).readonly(),
});

export type BackupManifest = z.output<typeof manifestSchema>;

/** Every file of a folder with its digest, sorted, the manifest itself left out. */
export async function filesIn(folder: string): Promise<BackupManifest["files"]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const files: BackupManifest["files"][number][] = [];
  for (const path of paths.sort()) {
    const name = relative(folder, path).replaceAll(sep, "/");
    if (name !== manifestName) files.push({ path: name, ...(await digestOf(path)) });
  }
  return files;
}

/** A backup that is whole, byte for byte. Problems: not-found, invalid-request (damaged, or no backup). */
export async function readBackup(folder: string): Promise<BackupManifest> {
  const manifest = parse(folder);
  const there = new Map((await filesIn(folder)).map((file) => [file.path, file]));
  const wrong = manifest.files.filter(({ path, sha256 }) => there.get(path)?.sha256 !== sha256);
  if (wrong.length > 0) {
    const names = wrong.map(({ path }) => path).join(", ");
    throw new Problem("invalid-request", `${folder} is damaged: ${names} are not what was written`, {
      remedy: "Take another backup.",
    });
  }
  return manifest;
}

function parse(folder: string): BackupManifest {
  let text: string;
  try {
    text = readFileSync(join(folder, manifestName), "utf8");
  } catch (cause) {
    throw new Problem("not-found", `There is no backup in ${folder}: ${manifestName} is not there`, {
      remedy: "Name the folder that veil backup has written. One that was broken off has no such file.",
      cause,
    });
  }
  const parsed = manifestSchema.safeParse(jsonIn(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "" : ` (at ${issue.path.join(".")})`;
  throw new Problem("invalid-request", `${join(folder, manifestName)} is none of veil-backup/1${where}`, {
    remedy: "It was damaged, or is another program's: take another backup.",
  });
}

/** What is no JSON is no manifest either. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Copies a file with its time to the nanosecond, which is an object's version: Node's own copy rounds it. */
export async function copyExactly(from: string, to: string, mode?: number): Promise<void> {
  await promisify(execFile)("cp", ["-p", "--", from, to]);
  if (mode !== undefined) await chmod(to, mode);
}

async function digestOf(path: string): Promise<{ size: number; sha256: string }> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  return { size, sha256: hash.digest("hex") };
}
