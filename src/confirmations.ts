import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

const validMs = 3_600_000;

/** Leaves word that so many outputs of a route may go with their originals; good for an hour and for one time. */
export async function confirmRemovals(folder: string, route: string, count: number): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, route), `${count}\n`, { mode: 0o600 });
}

/** How many somebody has confirmed; 0: nobody has. */
export async function takeConfirmation(folder: string, route: string): Promise<number> {
  const file = join(folder, route);
  try {
    const { mtimeMs } = await stat(file);
    const count = Number(await readFile(file, "utf8"));
    await rm(file);
    return Date.now() - mtimeMs < validMs && Number.isSafeInteger(count) ? count : 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}
