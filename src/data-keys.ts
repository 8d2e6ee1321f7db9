import { readFile, stat } from "node:fs/promises";
import { Problem } from "./errors.ts";

const keyBytes = 32;
const make = "Make one with: openssl rand -base64 32 > FILE; chmod 600 FILE. Keep a copy elsewhere.";
const mend = "Write no other file over it: what it has sealed nobody opens without it.";

/**
 * The installation's keys for what lies on its disks, from `dataKeyFile`: one a line, the first in use, the others those
 * that it came after. None where no file is named. Problem invalid-config.
 */
export async function readDataKeys(keyFile: string | undefined): Promise<readonly Uint8Array[]> {
  if (keyFile === undefined) return [];
  const bad = (why: string, remedy: string, cause?: unknown) =>
    new Problem("invalid-config", `${keyFile} (dataKeyFile) ${why}`, { remedy, cause });
  const text = await readFile(keyFile, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw bad(`can't be read: ${cause.code}`, cause.code === "ENOENT" ? make : "Let veil's user read it.", cause);
  });
  if (process.platform !== "win32" && ((await stat(keyFile)).mode & 0o037) !== 0)
    // Its group may read it: Kubernetes mounts secrets so.
    throw bad("may be read by others, or written by its group", `chmod 600 ${keyFile}`);
  const lines = text.split("\n").map((line) => line.trim());
  const keys = lines.flatMap((line, index) => {
    if (line === "") return [];
    const key = Buffer.from(line, /^[0-9a-f]{64}$/i.test(line) ? "hex" : "base64");
    if (key.length === keyBytes) return [key];
    throw bad(`holds ${key.length} bytes in line ${index + 1}, not ${keyBytes} in base64 or hexadecimal`, mend);
  });
  if (keys.length === 0) throw bad("is empty", make);
  return keys;
}
