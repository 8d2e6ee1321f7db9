import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import sharp from "sharp";
import { fullRangeModel, loadOnnx } from "../../src/engine/bundled-model.ts";
import { openNetwork } from "../../src/engine/onnx.ts";
import { Tensor } from "../../src/engine/onnx-runtime.ts";
import { readTflite } from "../../src/engine/tflite.ts";
import { translateToOnnx } from "../../src/engine/tflite-to-onnx.ts";

const side = 192;
const cells = (side / 4) ** 2;
const modelPath = createRequire(import.meta.url).resolve("@mediapipe/face_detection/face_detection_full_range.tflite");

describe("the translation of the tflite graph", () => {
  let inputs: { name: string; pixels: Uint8Array }[];
  let references: { boxes: Float32Array; scores: Float32Array }[];
  let network: Awaited<ReturnType<typeof openNetwork>>;

  before(async () => {
    inputs = await testInputs();
    references = await runLiteRt(inputs.map((input) => input.pixels));
    network = await openNetwork(await loadOnnx(fullRangeModel));
  });
  after(() => network?.release());

  it("gives LiteRT's scores within 1e-4 and boxes within 1e-3 on photographs, noise and gradients", async (t) => {
    let [worstScore, worstBox] = [0, 0];
    for (const [index, { name, pixels }] of inputs.entries()) {
      const { scores, boxes } = await network.run({ image: new Tensor("uint8", pixels, [1, side, side, 3]) });
      const reference = references[index]!;
      for (let cell = 0; cell < cells; cell++) {
        const score = Math.abs((scores!.data as Float32Array)[cell]! - reference.scores[cell]!);
        assert.ok(score <= 1e-4, `${name}: the score of cell ${cell} is off by ${score}`);
        worstScore = Math.max(worstScore, score);
        for (let value = 0; value < 16; value++) {
          const box = Math.abs(
            (boxes!.data as Float32Array)[value * cells + cell]! - reference.boxes[cell * 16 + value]!,
          );
          assert.ok(box <= 1e-3, `${name}: value ${value} of cell ${cell}'s box is off by ${box}`);
          worstBox = Math.max(worstBox, box);
        }
      }
    }
    t.diagnostic(`largest difference over ${inputs.length} inputs: scores ${worstScore}, boxes ${worstBox}`);
  });

  it("is compared on pictures that have a face and on pictures that have none", () => {
    const best = references.map((reference) => Math.max(...reference.scores));
    assert.ok(best.some((logit) => logit > 2));
    assert.ok(best.some((logit) => logit < -1));
  });

  it("accepts any size whose sides are multiples of 32", async () => {
    const { scores, boxes } = await network.run({
      image: new Tensor("uint8", new Uint8Array(96 * 160 * 3), [1, 96, 160, 3]),
    });
    assert.deepEqual(scores!.dims, [1, 1, 24, 40]);
    assert.deepEqual(boxes!.dims, [1, 16, 24, 40]);
  });

  it("refuses a graph with an operator that it does not know", async () => {
    const sparse = modelPath.replace("full_range", "full_range_sparse");
    const bytes = await readFile(sparse);
    assert.throws(() => translateToOnnx(readTflite(bytes)), { code: "model-mismatch" });
  });
});

async function testInputs(): Promise<{ name: string; pixels: Uint8Array }[]> {
  const astronaut = fileURLToPath(new URL("../fixtures/astronaut.png", import.meta.url));
  const crop = (left: number, top: number, size: number) =>
    sharp(astronaut)
      .removeAlpha()
      .extract({ left, top, width: size, height: size })
      .resize(side, side)
      .raw()
      .toBuffer();
  return [
    { name: "astronaut", pixels: await crop(0, 0, 512) },
    { name: "her face", pixels: await crop(150, 20, 160) },
    { name: "half her face", pixels: await crop(220, 40, 120) },
    { name: "background", pixels: await crop(0, 0, 96) },
    { name: "noise", pixels: noise() },
    { name: "gradient", pixels: gradient() },
    { name: "black", pixels: new Uint8Array(side * side * 3) },
    { name: "white", pixels: new Uint8Array(side * side * 3).fill(255) },
  ];
}

function noise(): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length: side * side * 3 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

function gradient(): Uint8Array {
  return Uint8Array.from({ length: side * side * 3 }, (_, index) => {
    const [pixel, channel] = [Math.floor(index / 3), index % 3];
    return [pixel % side, Math.floor(pixel / side), 255 - (pixel % side)][channel]!;
  });
}

async function runLiteRt(pictures: readonly Uint8Array[]) {
  const folder = await mkdtemp(join(tmpdir(), "veil-litert-"));
  try {
    const floats = pictures.map(
      (pixels) => new Uint8Array(Float32Array.from(pixels, (byte) => byte / 127.5 - 1).buffer),
    );
    await writeFile(join(folder, "inputs"), Buffer.concat(floats));
    const program = fileURLToPath(new URL("litert-reference.ts", import.meta.url));
    const paths = [modelPath, join(folder, "inputs"), join(folder, "outputs")];
    await promisify(execFile)(process.execPath, [program, ...paths], { timeout: 60_000 });
    const outputs = new Float32Array(new Uint8Array(await readFile(join(folder, "outputs"))).buffer);
    return pictures.map((_, index) => {
      const start = index * cells * 17;
      return {
        boxes: outputs.slice(start, start + cells * 16),
        scores: outputs.slice(start + cells * 16, start + cells * 17),
      };
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}
