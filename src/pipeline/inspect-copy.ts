import { type CopyType, copyTypeOf, maxCopyBytes, maySend } from "../core/copyable.ts";
import type { Copyable } from "../core/media.ts";
import { type SpoolFile, withSpoolFile } from "./spool.ts";

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
  original: Pick<SpoolFile, "path" | "key" | "size" | "sha256">,
  listed: readonly CopyType[],
): Promise<{ readonly type: CopyType; readonly file: Copyable } | undefined> {
  const { path, key, size, sha256 } = original;
  if (listed.length === 0 || size > maxCopyBytes) return undefined;
  const type = copyTypeOf(await withSpoolFile(original, async (body) => Buffer.concat(await body.toArray())));
  if (type === undefined || !maySend(listed, type)) return undefined;
  return { type, file: { path, key, contentType: contentTypes[type], size, sha256 } as Copyable };
}
