import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Problem } from "../errors.ts";

const run = promisify(execFile);
const remedy = "Install libheif's tools (Debian and Ubuntu: apt-get install libheif-examples).";

/** Whether `heif-convert`, a separate program (LGPL), is there to decode HEIC. */
export async function hasHeicDecoder(): Promise<boolean> {
  try {
    await run("heif-convert", ["--help"]);
    return true;
  } catch (error) {
    // Any exit status proves that the program exists.
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
}

/** A HEIC file as PNG bytes, upright. The intermediate files, which are not masked, lie in `scratch` and are removed. */
export async function decodeHeic(file: Uint8Array, scratch: string): Promise<Buffer> {
  const mark = randomUUID();
  // It gives each of several pictures a name of its own that begins with the one it was told.
  const made = async () => (await readdir(scratch)).filter((name) => name.startsWith(mark));
  try {
    const original = join(scratch, `heic-${mark}`);
    await writeFile(original, file, { flag: "wx", mode: 0o600 });
    try {
      await run("heif-convert", [original, join(scratch, `${mark}.png`)]);
    } finally {
      await rm(original, { force: true });
    }
    const files = await made();
    if (files.length !== 1) {
      throw new Problem("unsupported", `unsupported: HEIC with ${files.length} pictures`, {
        remedy: "Export its pictures one by one.",
      });
    }
    return await readFile(join(scratch, files[0]!));
  } catch (error) {
    if (error instanceof Problem) throw error;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new Problem("unsupported", "unsupported: HEIC without its decoder", { remedy, cause: error });
    }
    throw new Problem("unreadable", "The heic file could not be decoded by heif-convert", { cause: error });
  } finally {
    for (const name of await made()) await rm(join(scratch, name), { force: true });
  }
}
