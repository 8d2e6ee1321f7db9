import { readFile } from "node:fs/promises";
import { type CopyType, copyTypeOf, maxCopyBytes, maySend } from "../core/copyable.ts";
import type { Copyable } from "../core/media.ts";
import type { SpoolFile } from "./spool.ts";

const contentTypes: Readonly<Record<CopyType, string>> = {
  text: "text/plain; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  json: "application/json",
};

/**
 * Looks at a whole file that is no picture: what may be passed on if its kind is one of those listed, and nothing
 * otherwise. The only maker of `Copyable`.
 */
export async function inspectCopy(
  { path, size, sha256 }: Pick<SpoolFile, "path" | "size" | "sha256">,
  listed: readonly CopyType[],
): Promise<{ readonly type: CopyType; readonly file: Copyable } | undefined> {
  if (listed.length === 0 || size > maxCopyBytes) return undefined;
  const type = copyTypeOf(await readFile(path));
  if (type === undefined || !maySend(listed, type)) return undefined;
  return { type, file: { path, contentType: contentTypes[type], size, sha256 } as Copyable };
}
