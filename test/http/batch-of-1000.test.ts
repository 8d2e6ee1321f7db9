import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import sharp from "sharp";
import { startProgram } from "../e2e/program.ts";

async function residentMiB(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
}

test("a batch of 1,000 pictures comes back in order, and the service does not hold it in memory", async () => {
  // Small pictures that are quick to mask, in files of 250 kB each: 250 MB arrive for the thousand.
  const size = (i: number) => ({ width: 60 + (i % 17), height: 70 });
  const noise = { type: "gaussian" as const, mean: 128, sigma: 40 };
  const ballast = Buffer.alloc(235_000, 7);
  const variants = await Promise.all(
    Array.from({ length: 17 }, async (_, i) => {
      const picture = sharp({ create: { ...size(i), channels: 3, background: "#888", noise } });
      return Buffer.concat([await picture.png().toBuffer(), ballast]);
    }),
  );
  // Each of the thousand is to be masked.
  await using veil = await startProgram({ flags: ["--set", "cache.driver=none"] });
  const few = await peakOf(100);
  const many = await peakOf(1000);
  assert.ok(many - few < 125, `100 pictures took it to ${few.toFixed(0)} MiB, 1,000 to ${many.toFixed(0)} MiB`);

  /** Sends a batch, checks the answer, and tells the service's largest resident size meanwhile. */
  async function peakOf(count: number): Promise<number> {
    const form = new FormData();
    for (let i = 0; i < count; i++) form.append("images", new Blob([variants[i % 17]!]), `${i}.png`);
    let peak = 0;
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
    return peak;
  }
});
