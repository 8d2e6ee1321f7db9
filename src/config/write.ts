import { randomUUID } from "node:crypto";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { Problem } from "../errors.ts";

/**
 * Sets one top-level setting in a `veil.yaml`, and leaves its other lines and comments as they are; makes the file
 * where there is none. Who may read it stays as it was, and nobody ever sees half of it.
 */
export async function writeSetting(file: string, name: string, value: string, comment: string): Promise<void> {
  const before = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return "";
  });
  const document = parseDocument(before);
  if (document.errors.length > 0) {
    throw new Problem("invalid-config", `${file} is no YAML: ${document.errors[0]!.message}`, {
      remedy: "Correct it and try again.",
    });
  }
  const isNew = !document.has(name);
  document.set(name, value);
  const line = isNew && before.trim() === "" ? `# ${comment}\n` : "";
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    const mode = before === "" ? 0o666 : (await stat(file)).mode & 0o777;
    await writeFile(temporary, `${line}${document.toString({ lineWidth: 0 })}`, { flag: "wx", flush: true, mode });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
