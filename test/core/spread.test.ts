import assert from "node:assert/strict";
import { test } from "node:test";
import type { Region } from "../../src/core/region.ts";
import { spreadOverFrames } from "../../src/core/spread.ts";

const face: Region = { kind: "face", box: { x: 1, y: 2, width: 3, height: 4 }, score: 0.9 };
const framesOf = (regions: readonly Region[]) => regions.map(({ frame }) => frame);

test("a face of one frame covers its neighbours too, so that a missed frame shows nothing", () => {
  assert.deepEqual(framesOf(spreadOverFrames([{ ...face, frame: 5 }], 10)), [3, 4, 5, 6, 7]);
});

test("the ends of the animation bound the neighbours", () => {
  assert.deepEqual(framesOf(spreadOverFrames([{ ...face, frame: 0 }], 2)), [0, 1]);
  assert.deepEqual(framesOf(spreadOverFrames([{ ...face, frame: 9 }], 10)), [7, 8, 9]);
});

test("what a person drew without a frame stands for all and stays one region", () => {
  assert.deepEqual(spreadOverFrames([face], 10), [face]);
});
