import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
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

  it("translates it to the pinned bytes, each time the same", async () => {
    const [once, again] = [await loadOnnx(fullRangeModel), await loadOnnx(fullRangeModel)];
    assert.equal(createHash("sha256").update(once).digest("hex"), fullRangeModel.onnxSha256);
    assert.deepEqual(once, again);
  });

  it("names a model file that is missing", async () => {
    const modelFile = join(folder, "gone.tflite");
    await assert.rejects(loadOnnx(fullRangeModel, { modelFile }), { code: "model-missing", message: /gone\.tflite/ });
  });

  it("names a package that is missing, and how to get it", async () => {
    const model = { ...fullRangeModel, package: "@mediapipe/not-installed" };
    await assert.rejects(loadOnnx(model), { code: "model-missing", remedy: /npm ci/ });
  });

  it("refuses a model file with other bytes", async () => {
    const modelFile = join(folder, "other.tflite");
    await writeFile(modelFile, "something else");
    await assert.rejects(loadOnnx(fullRangeModel, { modelFile }), { code: "model-mismatch" });
  });

  it("refuses its own translation when that is not the pinned one", async () => {
    const model = { ...fullRangeModel, onnxSha256: "0".repeat(64) };
    await assert.rejects(loadOnnx(model), { code: "model-mismatch" });
  });
});
