import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fullRangeModel, loadOnnx } from "../../src/engine/bundled-model.ts";

describe("loading the bundled model", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "veil-models-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("translates it and keeps the translation under its digest, with nothing left beside it", async () => {
    const cacheDir = join(folder, "not", "there", "yet");
    const onnx = await loadOnnx(fullRangeModel, { cacheDir });
    const files = await readdir(cacheDir);
    assert.deepEqual(files, [`mediapipe-full-range-${fullRangeModel.onnxSha256.slice(0, 16)}.onnx`]);
    assert.deepEqual(await readFile(join(cacheDir, files[0]!)), Buffer.from(onnx));
  });

  it("takes the cached translation the next time", async () => {
    await loadOnnx(fullRangeModel, { cacheDir: folder });
    const [file] = await readdir(folder);
    const again = await loadOnnx(fullRangeModel, { cacheDir: folder });
    assert.deepEqual(Buffer.from(again), await readFile(join(folder, file!)));
  });

  it("never takes a cached translation that has been changed: it is made anew and replaced", async () => {
    const good = await loadOnnx(fullRangeModel, { cacheDir: folder });
    const [file] = await readdir(folder);
    const path = join(folder, file!);
    const changed = Uint8Array.from(good);
    changed[changed.length >> 1]! ^= 1;
    for (const content of [changed, good.subarray(0, 1000), new Uint8Array()]) {
      await writeFile(path, content);
      assert.deepEqual(await loadOnnx(fullRangeModel, { cacheDir: folder }), good);
      assert.deepEqual(await readFile(path), Buffer.from(good));
    }
  });

  it("does without a cache that cannot be written", async () => {
    const blocked = join(folder, "file");
    await writeFile(blocked, "");
    const onnx = await loadOnnx(fullRangeModel, { cacheDir: join(blocked, "cache") });
    assert.ok(onnx.length > 1e6);
  });

  it("is not disturbed by others who do the same at the same time", async () => {
    const loads = await Promise.all(Array.from({ length: 4 }, () => loadOnnx(fullRangeModel, { cacheDir: folder })));
    for (const onnx of loads) assert.deepEqual(onnx, loads[0]);
    assert.equal((await readdir(folder)).length, 1);
  });

  it("names a model file that is missing", async () => {
    const modelFile = join(folder, "gone.tflite");
    await assert.rejects(loadOnnx(fullRangeModel, { modelFile }), { code: "model-missing", message: /gone\.tflite/ });
  });

  it("names a package that is missing, and how to get it", async () => {
    const model = { ...fullRangeModel, package: "@mediapipe/not-installed" };
    await assert.rejects(loadOnnx(model), { code: "model-missing", remedy: /npm ci/ });
  });

  it("refuses a model file with other bytes, cached translation or not", async () => {
    await loadOnnx(fullRangeModel, { cacheDir: folder });
    const modelFile = join(folder, "other.tflite");
    await writeFile(modelFile, "something else");
    await assert.rejects(loadOnnx(fullRangeModel, { modelFile, cacheDir: folder }), { code: "model-mismatch" });
  });

  it("refuses its own translation when that is not the pinned one", async () => {
    const model = { ...fullRangeModel, onnxSha256: "0".repeat(64) };
    await assert.rejects(loadOnnx(model), { code: "model-mismatch" });
  });
});
