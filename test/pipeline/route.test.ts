import assert from "node:assert/strict";
import { test } from "node:test";
import { outputKey } from "../../src/pipeline/route.ts";

test("a masked picture lies under its original's key, and HEIC, which becomes JPEG, says so", () => {
  const keys = {
    "a/b.jpg": "a/b.jpg",
    "a.PNG": "a.PNG",
    "a.heic": "a.heic.jpg",
    "2024/IMG_1.HEIC": "2024/IMG_1.HEIC.jpg",
    "a.heif": "a.heif.jpg",
    "a.hif": "a.hif.jpg",
    heic: "heic",
    "a.heic/b.jpg": "a.heic/b.jpg",
    "a.heic.jpg": "a.heic.jpg",
  };
  for (const [input, output] of Object.entries(keys)) assert.equal(outputKey(input), output);
});
