import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import { defaultPolicy } from "../../src/core/policy.ts";
import { openPicture } from "../../src/engine/image-medium.ts";
import { residueOf } from "../../src/engine/residue.ts";
import { Problem } from "../../src/errors.ts";
import { isoBox } from "../fixtures/containers.ts";
import { auxiliaryFor, gridOf, type HeifItem, heifOf, pictureItem } from "../fixtures/heif.ts";
import { meanDifference, pixelsOf } from "../fixtures/pixels.ts";
import { portraitPath } from "../fixtures/scenes.ts";

const limits = { maxBytes: 2 ** 26, maxPixels: 50e6, maxFrames: 20 };
const detector = { name: "none", digest: "", detect: async () => [] };
let folder = "";
let tiles: HeifItem[] = [];
let other: HeifItem;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "veil-heif-"));
  tiles = await Promise.all(
    [0, 256].map(async (left) =>
      pictureItem(
        await sharp(portraitPath).extract({ left, top: 0, width: 256, height: 256 }).avif({ effort: 0 }).toBuffer(),
      ),
    ),
  );
  other = pictureItem(await sharp(portraitPath).resize(64).avif({ effort: 0 }).toBuffer());
});
after(() => rm(folder, { recursive: true }));

async function open(file: Buffer) {
  const path = join(folder, randomUUID());
  await writeFile(path, file);
  return openPicture(path, { limits, scratch: folder, detector });
}

const isUnsupported = (what: RegExp) => (error: unknown) =>
  error instanceof Problem && error.code === "unsupported" && what.test(error.message);

describe("an AVIF of tiles", () => {
  const grid = () => gridOf(tiles, 512, 256);

  test("is one picture, and carries nothing else", async () => {
    const file = heifOf(...grid());
    assert.deepEqual(residueOf(file).findings, []);
    const picture = await open(file);
    assert.deepEqual([picture.header.width, picture.header.height], [512, 256]);
    const out = join(folder, randomUUID());
    await picture.render([], defaultPolicy, out);
    const whole = await pixelsOf(
      await sharp(portraitPath).extract({ left: 0, top: 0, width: 512, height: 256 }).png().toBuffer(),
    );
    assert.ok(meanDifference(whole, await pixelsOf(out), () => true) < 6);
  });

  test("with a picture more is refused: it would be lost in silence", async () => {
    const [items, references] = grid();
    await assert.rejects(open(heifOf([...items, other], references)), isUnsupported(/several pictures/));
  });
});

test("an AVIF with a track of frames is refused as an animation", async () => {
  const file = Buffer.concat([heifOf([tiles[0]!]), isoBox("moov", Buffer.alloc(8))]);
  await assert.rejects(open(file), isUnsupported(/animated AVIF/));
  const named = Buffer.from(file);
  named.write("avis", 8, "latin1");
  await assert.rejects(open(named), isUnsupported(/animated AVIF/));
});

describe("pictures beside the primary one are named", () => {
  const alpha = "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha";
  const cases: Record<
    string,
    readonly [urn: string | undefined, reference: string | undefined, kind: string | undefined]
  > = {
    "an alpha is part of it": [alpha, "auxl", undefined],
    "a depth map": ["urn:mpeg:hevc:2015:auxid:2", "auxl", "depth"],
    "an auxiliary picture": ["urn:com:somebody:matte", "auxl", "auxiliary-picture"],
    "a gain map": ["urn:com:apple:photo:2020:aux:hdrgainmap", "auxl", "gain-map"],
    "a thumbnail": [undefined, "thmb", "thumbnail"],
    "one that nothing refers to": [undefined, undefined, "hidden-picture"],
    "an alpha of nothing": [alpha, undefined, "auxiliary-picture"],
  };
  for (const [name, [urn, type, kind]] of Object.entries(cases)) {
    test(name, () => {
      const item = urn === undefined ? other : { ...other, properties: [...other.properties, auxiliaryFor(urn)] };
      const file = heifOf([tiles[0]!, item], type === undefined ? [] : [{ type, from: 1, to: [0] }]);
      const { findings } = residueOf(file);
      assert.deepEqual(
        findings.map(({ kind, picture }) => [kind, picture]),
        kind === undefined ? [] : [[kind, true]],
      );
      const [found] = findings;
      if (found !== undefined)
        assert.deepEqual(file.subarray(found.offset, found.offset + found.length), Buffer.from(other.data));
    });
  }

  test("a second alpha for the same picture", () => {
    const item = { ...other, properties: [...other.properties, auxiliaryFor(alpha)] };
    const references = [1, 2].map((from) => ({ type: "auxl", from, to: [0] }));
    const { findings } = residueOf(heifOf([tiles[0]!, item, item], references));
    assert.deepEqual(
      findings.map(({ kind }) => kind),
      ["auxiliary-picture"],
    );
  });
});
