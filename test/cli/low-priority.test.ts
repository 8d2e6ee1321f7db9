import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const module = new URL("../../src/cli/low-priority.ts", import.meta.url).href;
const notLinux = process.platform === "linux" ? false : "not run: only Linux tells a thread's priority";

test("every thread of a process gives way, those that were there already too", { skip: notLinux }, async () => {
  // proc(5): the nice value is field 19, counted behind the command's closing bracket.
  const script = `
    const { readFile, readdir } = await import("node:fs/promises");
    const { lowerPriority } = await import(${JSON.stringify(module)});
    const nice = async () => {
      const stats = (await readdir("/proc/self/task")).map((id) => readFile("/proc/self/task/" + id + "/stat", "utf8"));
      return (await Promise.all(stats)).map((stat) => Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]));
    };
    const before = await nice();
    lowerPriority();
    console.log(JSON.stringify([before, await nice()]));`;
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const [before, now] = JSON.parse(stdout) as [number[], number[]];
  assert.ok(before.length > 4, "the file system's threads have been started");
  assert.ok(
    now.every((value) => value >= 10),
    `${before} → ${now}`,
  );
});
