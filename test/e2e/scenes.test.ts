import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import { ellipseOf, inside } from "../../src/core/ellipse.ts";
import { iou } from "../../src/core/region.ts";
import type { AnonymizedItem, DetectResponse } from "../../src/http/schema.ts";
import { orientedJpeg } from "../fixtures/odd-files.ts";
import { detailCorrelation, meanDifference, pixelsOf } from "../fixtures/pixels.ts";
import { crowd, cutByBorders, portraitPath, type Scene, scene } from "../fixtures/scenes.ts";
import { type Program, startProgram } from "./program.ts";

let veil: Program;
before(async () => {
  veil = await startProgram();
});
after(() => veil[Symbol.asyncDispose]());

async function ask<T>(path: string, image: Buffer): Promise<T> {
  const form = new FormData();
  form.set("image", new Blob([image]), "scene.png");
  const answer = await fetch(`${veil.address}/api/v1/${path}`, { method: "POST", body: form });
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as T;
}

async function masked(image: Buffer, style: string): Promise<{ item: AnonymizedItem; file: Buffer }> {
  const item = await ask<AnonymizedItem>(`anonymize?detail=1&style=${style}`, image);
  return { item, file: Buffer.from(item.anonymized_base64!, "base64") };
}

async function assertEveryFaceGone(made: Scene, style: string): Promise<void> {
  const { item, file } = await masked(made.png, style);
  const [before, now] = [await pixelsOf(made.png), await pixelsOf(file)];
  // A smooth fill has hardly any detail, and what little it has is compared at full strength: near 0, not at 0.
  const left = made.truth.map((box) => Math.abs(detailCorrelation(before, now, box)));
  assert.ok(Math.max(...left) < 0.3, `${style}: ${left.map((value) => value.toFixed(2))}`);
  // PNG is lossless: what no mask reaches, with its soft edge of a fifth, is the same to the last bit.
  const edges = item.regions
    .map(({ box, keypoints }) => ellipseOf(box, "standard", keypoints))
    .map((it) => ({ ...it, rx: it.rx * 1.22 + 2, ry: it.ry * 1.22 + 2 }));
  const outside = (x: number, y: number) => edges.every((edge) => !inside(edge, x, y));
  assert.equal(meanDifference(before, now, outside), 0);
}

describe("scenes with known faces", () => {
  for (const style of ["blur", "pixelate", "solid"]) {
    test(`in a crowd of 24 to 200 pixels no detail of a face survives ${style}, and nothing else changes`, async () => {
      await assertEveryFaceGone(await crowd([200, 140, 100, 80, 64, 56, 48, 40, 36, 32, 28, 24]), style);
    });
  }

  test("faces that the border cuts are masked up to it", async () => {
    await assertEveryFaceGone(await cutByBorders(), "blur");
  });

  test("a face that fills the picture and one far away are both masked", async () => {
    await assertEveryFaceGone(
      await scene({ width: 900, height: 700, faces: [{ x: 380, y: 360, height: 560 }] }),
      "blur",
    );
    await assertEveryFaceGone(
      await scene({ width: 2000, height: 1500, faces: [{ x: 1500, y: 400, height: 40 }] }),
      "blur",
    );
  });

  test("after solid a detector finds no face where one was", async () => {
    const made = await crowd([200, 120, 80, 60, 48, 40]);
    const { file } = await masked(made.png, "solid");
    // Below .6 a dark oval above a collar passes for a head now and then.
    const seen = await ask<DetectResponse>("detect?min_score=0.6", file);
    const again = seen.regions.filter(({ box }) => made.truth.some((face) => iou(box, face) > 0.2));
    assert.deepEqual(again, []);
    const before = await ask<DetectResponse>("detect?min_score=0.6", made.png);
    assert.ok(before.regions.length >= made.truth.length, "the detector itself sees them");
  });

  test("a thumbnail that shows the face does not come along", async () => {
    const original = await orientedJpeg(await sharp(portraitPath).png().toBuffer(), 6);
    const jpegs = (file: Buffer) => file.toString("latin1").split("\xff\xd8\xff").length - 1;
    assert.equal(jpegs(original), 2, "the test picture has a thumbnail");
    const { file } = await masked(original, "blur");
    assert.equal(jpegs(file), 1);
    assert.equal((await sharp(file).metadata()).exif, undefined);
  });
});
