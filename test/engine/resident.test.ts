import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { residentBytes } from "../../src/engine/resident.ts";

const MiB = 2 ** 20;
const heldBytes = 200 * MiB;

/** Holds memory until its standard input ends. */
const holder = `
  const held = Buffer.alloc(${heldBytes}, 1);
  process.stdout.write("ready");
  process.stdin.on("end", () => process.exit(held[0] - 1)).resume();
`;
const startHolder = `
  require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(holder)}], { stdio: "inherit" });
`;
const startsFrom = {
  "its main thread": startHolder,
  "another thread": `new (require("node:worker_threads").Worker)(${JSON.stringify(startHolder)}, { eval: true });`,
};

test("what starts processes without end counts as without bound, and is not followed", {
  skip: process.platform !== "linux",
}, async () => {
  const many = "for i in $(seq 100); do sleep 60 & done; echo ready; read line";
  const child = spawn("sh", ["-c", many], { stdio: ["pipe", "pipe", "inherit"], detached: true });
  try {
    await once(child.stdout, "data");
    assert.equal(residentBytes(child.pid!), Number.POSITIVE_INFINITY);
  } finally {
    process.kill(-child.pid!, "SIGKILL");
    await once(child, "exit");
  }
});

for (const [thread, code] of Object.entries(startsFrom)) {
  test(`what a process starts from ${thread} counts as its own`, { skip: process.platform === "win32" }, async () => {
    // A group of its own, as an engine process leads.
    const child = spawn(process.execPath, ["-e", code], { stdio: ["pipe", "pipe", "inherit"], detached: true });
    try {
      await once(child.stdout, "data");
      const bytes = residentBytes(child.pid!);
      assert.ok(bytes > heldBytes + 30 * MiB, `${Math.round(bytes / MiB)} MiB`);
    } finally {
      child.stdin.end();
      process.kill(-child.pid!, "SIGKILL");
      await once(child, "exit");
    }
    assert.equal(residentBytes(child.pid!), 0);
  });
}
