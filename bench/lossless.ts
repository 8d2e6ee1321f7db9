// What the option lossless costs: `node bench/lossless.ts [FILE …]` under Node 24 or newer. Without files, pictures are made.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import sharp from "sharp";
import { defaultPolicy } from "../src/core/policy.ts";
import type { Region } from "../src/core/region.ts";
import { openPicture } from "../src/engine/image-medium.ts";
import { portraitPath } from "../test/fixtures/scenes.ts";

const repeats = 5;
const limits = { maxBytes: 2 ** 30, maxPixels: 2e8, maxFrames: 1 };
const folder = await mkdtemp(join(tmpdir(), "veil-bench-"));
try {
  const given = process.argv.slice(2);
  const files = given.length > 0 ? given : await madeFiles();
  console.log(
    "| picture | bytes | lossless | re-encoded | CPU ms lossless | CPU ms re-encoded | pixels kept | of them re-encoded keeps |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const file of files) console.log(await measure(file));
  console.error(`Most memory: ${(process.resourceUsage().maxRSS / 1e3).toFixed(0)} MB`);
} finally {
  await rm(folder, { recursive: true });
}

/** A row: both ways of writing the same masked picture, three faces of a tenth of its height. */
async function measure(path: string): Promise<string> {
  const detector = { name: "none", digest: "", detect: async () => [] };
  const picture = await openPicture(path, { limits, scratch: folder, detector });
  const { width, height } = picture.header;
  const side = height / 10;
  const regions = [0.2, 0.5, 0.8].map(
    (share): Region => ({
      kind: "face",
      box: { x: share * width, y: 0.4 * height, width: 0.8 * side, height: side },
      score: 1,
    }),
  );
  const [exact, anew] = [join(folder, "exact.jpg"), join(folder, "anew.jpg")];
  const times = [Infinity, Infinity];
  for (let n = 0; n < repeats; n++) {
    for (const [way, out] of [exact, anew].entries()) {
      await rm(out, { force: true });
      const start = process.cpuUsage();
      await picture.render(regions, { ...defaultPolicy, lossless: way === 0 }, out);
      const { user, system } = process.cpuUsage(start);
      times[way] = Math.min(times[way]!, (user + system) / 1000);
    }
  }
  const size = (await readFile(path)).length;
  const growth = async (out: string) => `${(100 * ((await readFile(out)).length / size - 1)).toFixed(1)} %`;
  const [before, kept, again] = await Promise.all([path, exact, anew].map(rawOf));
  let [same, sameAgain, all] = [0, 0, 0];
  for (let at = 0; at < before!.length; at += 3) {
    all++;
    const equal = (other: Buffer) =>
      before![at] === other[at] && before![at + 1] === other[at + 1] && before![at + 2] === other[at + 2];
    if (!equal(kept!)) continue;
    same++;
    if (equal(again!)) sameAgain++;
  }
  const cells = [
    `${basename(path)}, ${width} x ${height}`,
    size,
    await growth(exact),
    await growth(anew),
    ...times.map((time) => time.toFixed(0)),
    `${((100 * same) / all).toFixed(1)} %`,
    `${((100 * sameAgain) / same).toFixed(0)} %`,
  ];
  return `| ${cells.join(" | ")} |`;
}

function rawOf(path: string): Promise<Buffer> {
  return sharp(path, { ignoreIcc: true, autoOrient: true, limitInputPixels: false })
    .toColourspace("srgb")
    .removeAlpha()
    .raw()
    .toBuffer();
}

/** The repository's portrait, tiled and grained as a sensor does: 2 and 12 megapixels. */
async function madeFiles(): Promise<string[]> {
  const kinds = [
    { quality: 92, chromaSubsampling: "4:2:0", progressive: false },
    { quality: 92, chromaSubsampling: "4:4:4", progressive: false },
    { quality: 75, chromaSubsampling: "4:2:0", progressive: true },
  ];
  const tile = await sharp(portraitPath).resize(600).png().toBuffer();
  const paths: string[] = [];
  for (const [width, height] of [
    [1600, 1200],
    [4000, 3000],
  ] as const) {
    const grain = sharp({
      create: { width, height, channels: 3, background: "#808080", noise: { type: "gaussian", mean: 128, sigma: 8 } },
    });
    const noise = await grain.png({ compressionLevel: 1 }).toBuffer();
    const picture = await sharp({ create: { width, height, channels: 3, background: "#777" } })
      .composite([
        { input: tile, tile: true },
        { input: noise, blend: "soft-light" },
      ])
      .png({ compressionLevel: 1 })
      .toBuffer();
    for (const { quality, chromaSubsampling, progressive } of kinds) {
      const name = `${progressive ? "progressive" : "baseline"} ${chromaSubsampling.replaceAll(":", "")} q${quality}.jpg`;
      const path = join(folder, `${width} ${name}`);
      await writeFile(
        path,
        await sharp(picture).removeAlpha().jpeg({ quality, chromaSubsampling, progressive }).toBuffer(),
      );
      paths.push(path);
    }
  }
  return paths;
}
