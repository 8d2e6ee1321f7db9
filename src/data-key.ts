import { readFile, stat } from "node:fs/promises";
import { Problem } from "./errors.ts";

const keyBytes = 32;

/** The installation's key for what lies on its disks, from `dataKeyFile`; undefined: there is none. Problem invalid-config. */
export async function readDataKey(keyFile: string | undefined): Promise<Uint8Array | undefined> {
  if (keyFile === undefined) return undefined;
  const bad = (why: string, cause?: unknown) =>
    new Problem("invalid-config", `${keyFile} (dataKeyFile) ${why}`, {
      remedy: "Make one with: openssl rand -base64 32 > FILE; chmod 600 FILE. Keep a copy elsewhere.",
      cause,
    });
  const text = await readFile(keyFile, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw bad(`can't be read: ${cause.code}`, cause);
  });
  if (process.platform !== "win32" && ((await stat(keyFile)).mode & 0o037) !== 0)
    // Its group may read it: Kubernetes mounts secrets so.
    throw bad("may be read by others, or written by its group");
  const hex = /^[0-9a-f]{64}$/i.test(text.trim());
  const key = Buffer.from(text.trim(), hex ? "hex" : "base64");
  if (key.length !== keyBytes) throw bad(`holds ${key.length} bytes, not ${keyBytes} in base64 or hexadecimal`);
  return key;
}
