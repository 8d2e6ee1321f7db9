import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { programPath } from "../../src/engine/program-path.ts";
import { removedBytes } from "../../src/engine/removed-files.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

const folder = await temporaryFolder();
after(() => folder[Symbol.asyncDispose]());
const out = join(folder.path, "out");
mkdirSync(out);
const MiB = 2 ** 20;

describe("files without a name", { skip: process.platform !== "linux" && "not run: not Linux" }, () => {
  test("count as long as they are open", () => {
    const before = removedBytes(process.pid);
    const file = join(out, "open");
    const descriptor = openSync(file, "wx");
    writeSync(descriptor, Buffer.alloc(8 * MiB, 1));
    assert.equal(removedBytes(process.pid), before, "it has a name");
    rmSync(file);
    assert.equal(removedBytes(process.pid), before + 8 * MiB);
    closeSync(descriptor);
    assert.equal(removedBytes(process.pid), before);
  });

  test("count while they are in memory alone, of processes that were started too", {
    skip: programPath("python3") === undefined && "not run: python3 is not here",
  }, async () => {
    const before = removedBytes(process.pid);
    const lines = [
      "import mmap, os, sys",
      `path = ${JSON.stringify(join(out, "mapped"))}`,
      `with open(path, "w+b") as f: f.write(bytes(8 * 2**20)); f.flush(); kept = mmap.mmap(f.fileno(), 0)`,
      "os.unlink(path); print('ready', flush=True); sys.stdin.read()",
    ];
    const child = spawn("python3", ["-c", lines.join("\n")], { stdio: ["pipe", "pipe", "inherit"] });
    await once(child.stdout, "data");
    assert.equal(removedBytes(process.pid) - before, 8 * MiB);
    child.stdin.end();
    await once(child, "close");
  });
});
