import { execFile } from "node:child_process";
import type { TestContext } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A small file system of its own on a folder; undefined, and the test skipped, where that may not be. */
export async function mountTmpfs(context: TestContext, path: string): Promise<AsyncDisposable | undefined> {
  try {
    await run("mount", ["-t", "tmpfs", "-o", "size=1m", "none", path]);
  } catch (error) {
    context.skip(`not run: no right to mount here (${(error as Error).message.trim()})`);
    return undefined;
  }
  // Lazily: a server that has entered the folder leaves it in its own time.
  return { [Symbol.asyncDispose]: async () => void (await run("umount", ["-l", path]).catch(() => {})) };
}
