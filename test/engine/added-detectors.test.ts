import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { DetectorName } from "../../src/core/detector.ts";
import { iou } from "../../src/core/region.ts";
import { openDetector } from "../../src/engine/detectors.ts";
import type { Problem } from "../../src/errors.ts";
import { portrait, testDetector } from "../contracts/detector.ts";
import { addPublished, withoutModels } from "./peers.ts";

const models = await mkdtemp(join(tmpdir(), "veil-models-"));
after(() => rm(models, { recursive: true, force: true }));
// Before the first test: the runner takes a file that awaits between its tests for finished after the first of them.
for (const name of ["yunet", "scrfd"] as const) if (withoutModels(name) === false) await addPublished(models, name);
const opened = (...detectors: DetectorName[]) => openDetector({ detectors, models });

it("a detector whose model was not added says how to add it", async () => {
  const empty = join(models, "empty");
  await assert.rejects(
    openDetector({ detectors: ["scrfd"], models: empty }),
    (problem: Problem) => problem.code === "model-missing" && /npx veil models add scrfd/.test(problem.remedy ?? ""),
  );
});

for (const name of ["yunet", "scrfd"] as const) {
  testDetector(name, { open: () => opened(name), skip: withoutModels(name), certain: 0.8 });
}

describe("several detectors together", { skip: withoutModels("yunet") }, () => {
  it("give each face once, and answer for all of their models", async () => {
    const [alone, both] = [await opened("yunet"), await opened("yunet", "mediapipe-full-range")];
    assert.equal(both.name, "yunet+mediapipe-full-range");
    assert.notEqual(both.digest, alone.digest);
    const picture = await portrait(512);
    const [one] = await alone.detect(picture, { profile: "balanced" });
    const faces = await both.detect(picture, { profile: "balanced" });
    assert.equal(faces.filter(({ box }) => iou(box, one!.box) > 0.3).length, 1);
  });
});
