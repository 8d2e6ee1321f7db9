import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import type { Look } from "../../src/core/cover.ts";
import { coverOfPicture } from "../../src/core/cover.ts";
import type { Pixels } from "../../src/core/detector.ts";
import { maskFrame } from "../../src/core/mask.ts";
import { cosmeticStatement, styles } from "../../src/core/policy.ts";
import type { Region } from "../../src/core/region.ts";
import { toProblem } from "../../src/errors.ts";

const face: Region = { kind: "face", box: { x: 180, y: 70, width: 90, height: 117 }, score: 1 };
const look: Look = { style: "cosmetic", strength: "standard", cosmetic: cosmeticStatement };

test("cosmetic is refused, and nothing changed, unless the policy says its words exactly", async () => {
  const picture = await astronaut();
  const before = picture.data.slice();
  for (const cosmetic of [undefined, "", "yes", "This is not anonymisation", `${cosmeticStatement} `]) {
    const unsaid = { style: "cosmetic", strength: "standard", ...(cosmetic !== undefined && { cosmetic }) } as const;
    assert.throws(
      () => maskFrame(picture, [face], unsaid),
      (error) => toProblem(error).code === "not-anonymisation",
    );
    assert.throws(
      () => maskFrame(picture, [], unsaid),
      (error) => toProblem(error).code === "not-anonymisation",
    );
  }
  assert.deepEqual(picture.data, before);
});

test("the words change nothing about the styles that anonymise", async () => {
  for (const style of styles) {
    const [plain, said] = [await astronaut(), await astronaut()];
    maskFrame(plain, [face], { style, strength: "standard" });
    maskFrame(said, [face], { style, strength: "standard", cosmetic: cosmeticStatement });
    assert.deepEqual(plain.data, said.data);
  }
});

test("cosmetic is a Gaussian of a tenth of the face's width, and stronger ones of more", async () => {
  for (const [strength, share] of [
    ["standard", 0.1],
    ["strong", 0.15],
    ["maximum", 0.2],
  ] as const) {
    const original = await astronaut();
    const masked = await astronaut();
    maskFrame(masked, [face], { ...look, strength });
    const { width, height } = original;
    const gauss = await sharp(original.data, { raw: { width, height, channels: 3 } })
      .blur((share * face.box.width) / 0.907)
      .raw()
      .toBuffer();
    const { values } = coverOfPicture(width, height, [face], { ...look, strength });
    let [sum, count] = [0, 0];
    for (let at = 0; at < values.length; at++) {
      if (values[at] === 0) assert.equal(masked.data[3 * at], original.data[3 * at]);
      if (values[at] !== 255) continue;
      sum += Math.abs(masked.data[3 * at]! - gauss[3 * at]!);
      count++;
    }
    // sharp cuts its kernel's ends off.
    assert.ok(sum / count < 4.5, `${strength}: ${sum / count} levels apart`);
  }
});

test("what alpha hides is not seen through a cosmetic mask", async () => {
  const { data, width, height } = await astronaut();
  const hidden = new Uint8Array(width * height * 4);
  for (let at = 0; at < width * height; at++) {
    hidden.set(data.subarray(3 * at, 3 * at + 3), 4 * at);
    hidden[4 * at + 3] = 0;
  }
  const picture: Pixels = { data: hidden, width, height, channels: 4 };
  maskFrame(picture, [face], look);
  const at = 4 * (Math.round(face.box.y + 50) * width + Math.round(face.box.x + 45));
  assert.deepEqual([...hidden.subarray(at, at + 4)], [128, 124, 120, 255]);
});

async function astronaut(): Promise<Pixels> {
  const path = fileURLToPath(new URL("../fixtures/astronaut.png", import.meta.url));
  const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: 3 };
}
