import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
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

/** A HEIC file as PNG bytes, upright. The intermediate file lies in `scratch` and is removed. */
export async function decodeHeic(path: string, scratch: string): Promise<Buffer> {
  const folder = await mkdtemp(join(scratch, "heic-"));
  try {
    await run("heif-convert", [path, join(folder, "out.png")]);
    const files = await readdir(folder);
    if (files.length !== 1) {
      throw new Problem("unsupported", `unsupported: HEIC with ${files.length} pictures`, {
        remedy: "Export its pictures one by one.",
      });
    }
    return await readFile(join(folder, files[0]!));
  } catch (error) {
    if (error instanceof Problem) throw error;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new Problem("unsupported", "unsupported: HEIC without its decoder", { remedy, cause: error });
    }
    throw new Problem("unreadable", "The heic file could not be decoded by heif-convert", { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
