import assert from "node:assert/strict";
import { test } from "node:test";
import { portrait, testDetector } from "../contracts/detector.ts";
import { openBundled } from "./detectors.ts";

testDetector("mediapipe-full-range", { open: openBundled, certain: 0.8 });

test("Full Range says which published model it runs, and gives the ears as keypoints too", async () => {
  const detector = await openBundled();
  assert.equal(detector.name, "mediapipe-full-range");
  assert.match(detector.digest, /^99bf9494[0-9a-f]{56}$/);
  const [face] = await detector.detect(await portrait(512), { profile: "balanced" });
  const [rightEye, leftEye, , , rightEar, leftEar] = face!.keypoints!;
  assert.ok(rightEar!.x < rightEye!.x && leftEar!.x > leftEye!.x);
});
