import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ReviewRegion } from "../../src/http/schema.ts";
import { frameRanges } from "../../web/src/regions/frame-ranges.ts";
import { draw, isTheVery, move, noEdits, remove, shownRegions } from "../../web/src/regions/region-edits.ts";
import { decidedRegions, heldRegions } from "../../web/src/review/held-regions.ts";

const box = (x: number) => ({ x, y: 10, width: 40, height: 50 });
const points = (x: number) => [5, 30, 18, 20].map((dx) => ({ x: x + dx, y: 20 }));
const region = (x: number, look: ReviewRegion["look"], frame?: number): ReviewRegion => ({
  ...{ kind: "face", box: box(x), score: 0.5, keypoints: points(x), look },
  ...(frame !== undefined && { frame }),
});

describe("what both looks found in a held picture", () => {
  const found = [region(0, "first"), region(100, "second")];
  const held = heldRegions(found);

  test("goes back as it came, with its keypoints, where it was left alone", () => {
    assert.deepEqual(decidedRegions(shownRegions(held, noEdits, isTheVery), held), found);
  });

  test("is a box alone where a hand moved it, and gone where one removed it", () => {
    const edits = draw(remove(move(noEdits, held[0]!, box(7)), held[1]!), "mine", box(300));
    const shown = shownRegions(held, edits, isTheVery);
    assert.deepEqual(decidedRegions(shown, held), [{ box: box(7) }, { box: box(300) }]);
  });

  test("is removed by itself, however close another one is", () => {
    const close = heldRegions([region(0, "first"), region(1, "second")]);
    const shown = shownRegions(close, remove(noEdits, close[0]!), isTheVery);
    assert.deepEqual(decidedRegions(shown, close), [region(1, "second")]);
  });
});

describe("an animation that is held", () => {
  const later = [region(2, "first", 1), region(3, "first", 2), region(2, "second", 2)];
  const found = [region(0, "first", 0), ...later];
  const held = heldRegions(found);

  test("has its first frame's regions apart from those of the frames that are not shown, by place and look", () => {
    assert.deepEqual(
      held.map(({ look, frames }) => [look, frames]),
      [
        ["first", undefined],
        ["first", [1, 2]],
        ["second", [2]],
      ],
    );
    assert.deepEqual(decidedRegions(shownRegions(held, noEdits, isTheVery), held), found);
  });

  test("keeps what lies in the other frames as it is when the first frame's is moved or removed", () => {
    for (const [edits, rest] of [
      [remove(noEdits, held[0]!), []],
      [move(noEdits, held[0]!, box(9)), [{ box: box(9) }]],
    ] as const)
      assert.deepEqual(decidedRegions(shownRegions(held, edits, isTheVery), held), [...later, ...rest]);
  });
});

test("frames are told as people count them, in stretches", () => {
  assert.equal(frameRanges([7, 1, 2, 3]), "2–4, 8");
  assert.equal(frameRanges([1, 3, 5, 7, 9, 11]), "2, 4, 6, 8 …");
});
