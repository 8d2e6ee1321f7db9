/**
 * node bench/cache.ts [--photos DIR] [--redis redis://127.0.0.1:6379] [--profile balanced] [--count 16] [--rounds 3]
 *
 * What a request costs at 1080p: without a cache, with one that does not have the result yet, and with one that has it.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startProgram } from "../test/e2e/program.ts";
import { median } from "./median.ts";
import { makePictures, sizes } from "./speed/pictures.ts";

const { values } = parseArgs({
  options: {
    photos: { type: "string" },
    redis: { type: "string" },
    profile: { type: "string", default: "balanced" },
    count: { type: "string", default: "16" },
    rounds: { type: "string", default: "3" },
  },
});
const root = await mkdtemp(join(tmpdir(), "veil-cache-"));
try {
  const size = sizes.find(({ name }) => name === "1080p")!;
  const folder = await makePictures(root, { ...size, count: Number(values.count) }, values.photos);
  const pictures = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name))));
  const drivers = { none: [], disk: [], ...(values.redis && { redis: [`cache.redis.url=${values.redis}`] }) };
  for (const [driver, more] of Object.entries(drivers)) {
    const settings = [`cache.driver=${driver}`, "engine.processes=1", ...more].flatMap((it) => ["--set", it]);
    await using veil = await startProgram({ flags: [...settings, "--log-level", "warn"] });
    const ask = async (picture: Buffer, quality: number) => {
      const body = new FormData();
      body.append("image", new Blob([picture]), "picture.jpg");
      const query = `profile=${values.profile}&quality=${quality}`;
      const start = performance.now();
      const answer = await fetch(`${veil.address}/api/v1/anonymize?${query}`, { method: "POST", body });
      const { byteLength } = await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`${answer.status}`);
      return { ms: performance.now() - start, bytes: byteLength };
    };
    await ask(pictures[0]!, 50);
    const [first, again]: [number[], number[]] = [[], []];
    const sizesOut: number[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      // Another quality is another policy: none of them is there yet.
      for (const picture of pictures) {
        const { ms, bytes } = await ask(picture, 90 - round);
        first.push(ms);
        sizesOut.push(bytes);
      }
      for (const picture of pictures) again.push((await ask(picture, 90 - round)).ms);
    }
    const told = `first ${timesOf(first)}, again ${timesOf(again)}`;
    process.stdout.write(`${driver.padEnd(6)} ${told}, results of ${(median(sizesOut) / 1024).toFixed(0)} kB\n`);
  }
} finally {
  await rm(root, { recursive: true, force: true });
}

/** The best says more than the median where the machine is busy with other things. */
function timesOf(numbers: readonly number[]): string {
  return `${median(numbers).toFixed(1)} ms (best ${Math.min(...numbers).toFixed(1)})`;
}
