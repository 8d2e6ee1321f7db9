import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { type Isolation, isolations } from "../../src/core/isolation.ts";
import { makeEngineFolder } from "../../src/engine/engine-folder.ts";
import { borrowOwner } from "../../src/engine/engine-owner.ts";
import { programPath } from "../../src/engine/program-path.ts";
import { spawnInside } from "../../src/engine/sandbox.ts";
import { sandboxesFor } from "../../src/engine/sandboxes.ts";

/** How large a file may be that something writes in a sandbox. */
export const mostFileBytes = 2 ** 20;

/** Why a sandbox can't be tried here; false: it can. */
export function without(kind: Isolation): string | false {
  if (kind === "none") return false;
  const program = kind === "bubblewrap" ? "bwrap" : "setpriv";
  return programPath(program) === undefined ? `not run: ${program} is not here` : false;
}

/** Whether setpriv speaks Landlock, as of util-linux 2.41. */
export const hasLandlock =
  without("setpriv") === false &&
  execFileSync("setpriv", ["--help"], { encoding: "utf8" }).includes("--landlock-access");

/** The sandboxes that can be tried here. */
export const here = isolations.filter((kind) => without(kind) === false);

/** Runs code of Node's in a sandbox as an engine process is run in it; answers what it wrote, as JSON. */
export async function runInside<T>(kind: Isolation, spool: string, code: string): Promise<T> {
  const { list } = sandboxesFor(kind, mostFileBytes);
  for (const sandbox of list) {
    using owner = sandbox.hasOwner ? borrowOwner() : undefined;
    const folder = makeEngineFolder(spool, owner);
    try {
      const child = spawnInside(sandbox, { folder: folder.path, owner }, [process.execPath, "-e", code], {
        env: { PATH: process.env.PATH, OPENSSL_CONF: "/dev/null" },
        stdio: ["ignore", "pipe", "pipe", "ignore"],
      });
      const [written] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, "close")]);
      if (written !== "") return JSON.parse(written) as T;
    } finally {
      await folder.remove();
    }
  }
  throw new Error(`No sandbox of the kind ${kind} works here`);
}

/** Every process whose command line holds the text, this one and its own look apart. */
export function processesWith(words: string): readonly number[] {
  return execFileSync("ps", ["-axo", "pid=,stat=,args="], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(words) && !/^\s*\d+\s+Z/.test(line))
    .map((line) => Number(/^\s*(\d+)/.exec(line)![1]))
    .filter((pid) => pid !== process.pid);
}
