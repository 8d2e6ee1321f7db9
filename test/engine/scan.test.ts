import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Candidate } from "../../src/core/candidate.ts";
import type { Presets } from "../../src/core/presets.ts";
import type { Box } from "../../src/core/region.ts";
import { iou } from "../../src/core/region.ts";
import type { FaceNetwork } from "../../src/engine/face-network.ts";
import { createScan } from "../../src/engine/scan.ts";

const face: Box = { x: 100, y: 100, width: 60, height: 46 };
/** Over the face, and more than three times as wide as high. */
const strip: Box = { x: 80, y: 101, width: 130, height: 42 };
const picture = { data: new Uint8Array(256 * 192 * 3), width: 256, height: 192, channels: 3 } as const;
const row = { upTo: Number.POSITIVE_INFINITY, passes: [{ side: 256 }], turned: [] };
const preset = { minScore: 0.5, turns: false, rows: [row] };

describe("what is no face's shape", () => {
  it("goes, and takes no face along that lies under it", async () => {
    assert.ok(iou(face, strip) > 0.35);
    const found = await scanOf([cell(strip, 0.9), cell(face, 0.8)]).detect(picture, { profile: "fast" });
    assert.deepEqual(
      found.map(({ box }) => Math.round(box.width)),
      [60],
    );
  });

  it("stays where a policy keeps it", async () => {
    const options = { profile: "fast", implausible: "keep" } as const;
    const [found] = await scanOf([cell(strip, 0.9)]).detect(picture, options);
    assert.equal(Math.round(found!.box.width), 130);
  });
});

/** A scan whose network sees these at the picture's own size. */
function scanOf(cells: readonly Candidate[]) {
  const presets: Presets = {
    alwaysUpTo: 1024,
    maxEnlargement: 4,
    profiles: { fast: preset, balanced: preset, thorough: preset },
  };
  const network: FaceNetwork = {
    name: "fixed",
    digest: "0".repeat(64),
    presets,
    sameFace: 0.45,
    maxTileSide: 1408,
    tileMargin: 128,
    calibrate: (box) => box,
    look: () => Promise.resolve(cells),
  };
  return createScan(network);
}

function cell(box: Box, score: number): Candidate {
  return { box, score, keypoints: [] };
}
