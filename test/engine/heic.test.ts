import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import { defaultPolicy } from "../../src/core/policy.ts";
import { hasHeicDecoder } from "../../src/engine/heic.ts";
import { openPicture } from "../../src/engine/image-medium.ts";
import { Problem } from "../../src/errors.ts";
import { detailCorrelation, meanDifference, pixelsOf } from "../fixtures/pixels.ts";
import { openBundled } from "./detectors.ts";

const face = { x: 175, y: 52, width: 97, height: 127 };
let folder = "";
let portrait = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "veil-heic-"));
  portrait = join(folder, "portrait.jpg");
  await writeFile(
    portrait,
    await sharp(new URL("../fixtures/astronaut.png", import.meta.url).pathname)
      .jpeg({ quality: 95 })
      .toBuffer(),
  );
});
after(() => rm(folder, { recursive: true }));

async function open(path: string) {
  const limits = { maxBytes: 2 ** 26, maxPixels: 50e6, maxFrames: 20 };
  const scratch = join(folder, "spool");
  return openPicture(path, { limits, scratch, detector: await openBundled() });
}

const noTools = spawnSync("heif-enc", ["--help"]).error ? "not run: heif-enc is not here (libheif-examples)" : false;

describe("HEIC", { skip: noTools }, () => {
  before(async () => {
    await mkdir(join(folder, "spool"));
    const made = spawnSync("heif-enc", ["-q", "90", "-o", join(folder, "portrait.heic"), portrait]);
    assert.equal(made.status, 0, String(made.stderr));
  });

  test("comes out as JPEG, masked, of the same size, and leaves no intermediate file", async () => {
    assert.equal(await hasHeicDecoder(), true);
    const picture = await open(join(folder, "portrait.heic"));
    assert.deepEqual(picture.header, { format: "heic", width: 512, height: 512, frames: 1 });
    const regions = await picture.detect(defaultPolicy);
    assert.ok(regions.length >= 1);
    const out = join(folder, "masked.jpg");
    assert.equal((await picture.render(regions, defaultPolicy, out)).contentType, "image/jpeg");
    const [before, now] = [await pixelsOf(portrait), await pixelsOf(out)];
    assert.deepEqual([now.width, now.height], [512, 512]);
    assert.ok(Math.abs(detailCorrelation(before, now, face)) < 0.1);
    assert.deepEqual(await readdir(join(folder, "spool")), []);
  });

  test("with transparency and a colour profile comes out as it is seen, over black, with that profile", async () => {
    const [png, file, out] = ["alpha.png", "alpha.heic", "alpha.jpg"].map((name) => join(folder, name));
    await writeFile(png!, await sharp(portrait).ensureAlpha(0.5).withIccProfile("p3").png().toBuffer());
    const made = spawnSync("heif-enc", ["-q", "90", "-o", file!, png!]);
    assert.equal(made.status, 0, String(made.stderr));
    const picture = await open(file!);
    const solid = { ...defaultPolicy, style: "solid" } as const;
    const rendered = await picture.render([{ kind: "face", box: face, score: 1 }], solid, out!);
    assert.equal(rendered.contentType, "image/jpeg");
    assert.deepEqual((await sharp(out!).metadata()).icc, (await sharp(png!).metadata()).icc);
    const [before, now] = [await pixelsOf(await sharp(png!).flatten().png().toBuffer()), await pixelsOf(out!)];
    assert.ok(meanDifference(before, now, (x, y) => x > 400 || y > 400) < 4);
    assert.ok(Math.abs(detailCorrelation(before, now, face)) < 0.1);
  });

  test("a damaged one is refused and leaves no intermediate file", async () => {
    const whole = await readFile(join(folder, "portrait.heic"));
    await writeFile(join(folder, "cut.heic"), whole.subarray(0, whole.length / 2));
    await assert.rejects(
      open(join(folder, "cut.heic")),
      (error) => error instanceof Problem && error.code === "unreadable",
    );
    assert.deepEqual(await readdir(join(folder, "spool")), []);
  });
});
