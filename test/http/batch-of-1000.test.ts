import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import sharp from "sharp";
import { startProgram } from "../e2e/program.ts";

const count = 1000;

async function residentMiB(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
}

test("a batch of 1,000 pictures comes back in order, and the service's memory does not grow with it", async () => {
  // Noise does not compress: some 90 MB arrive and some 120 MB leave.
  const size = (i: number) => ({ width: 160 + (i % 17), height: 170 });
  const noise = { type: "gaussian" as const, mean: 128, sigma: 40 };
  const variants = await Promise.all(
    Array.from({ length: 17 }, (_, i) =>
      sharp({ create: { ...size(i), channels: 3, background: "#888", noise } })
        .png()
        .toBuffer(),
    ),
  );
  await using veil = await startProgram();
  const form = new FormData();
  for (let i = 0; i < count; i++) form.append("images", new Blob([variants[i % 17]!]), `${i}.png`);
  const before = await residentMiB(veil.pid);
  let peak = before;
  const watch = setInterval(async () => {
    peak = Math.max(peak, await residentMiB(veil.pid).catch(() => 0));
  }, 50);
  try {
    const answer = await fetch(`${veil.address}/api/v1/anonymize/batch?profile=fast`, { method: "POST", body: form });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("x-veil-errors"), null);
    const items = (await answer.json()) as string[];
    assert.equal(items.length, count);
    for (const [i, item] of items.entries()) {
      const png = Buffer.from(item, "base64");
      assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [size(i).width, size(i).height], `item ${i}`);
    }
  } finally {
    clearInterval(watch);
  }
  assert.ok(peak - before < 100, `the service grew from ${before.toFixed(0)} to ${peak.toFixed(0)} MiB`);
});
