import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  clampBox,
  draw,
  foundRegions,
  move,
  noEdits,
  outline,
  remove,
  shownRegions,
} from "../../web/src/regions/region-edits.ts";

const box = (x: number, y: number, width = 100, height = 100) => ({ x, y, width, height });
const face = (at: ReturnType<typeof box>, score = 0.9, frame?: number) => ({
  kind: "face" as const,
  box: at,
  score,
  ...(frame !== undefined && { frame }),
});

describe("a person's changes to the regions", () => {
  test("outlive a new detection: removed stays removed where it is about the same, drawn stays drawn", () => {
    const before = foundRegions([face(box(0, 0)), face(box(300, 0))]);
    const edits = draw(remove(noEdits, before[0]!), "mine", box(600, 0));
    const later = shownRegions(foundRegions([face(box(4, 3)), face(box(301, 2)), face(box(0, 400))]), edits);
    assert.deepEqual(
      later.map(({ boxes, drawn }) => [boxes[0]!.x, boxes[0]!.y, drawn]),
      [
        [301, 2, false],
        [0, 400, false],
        [600, 0, true],
      ],
    );
  });

  test("never remove a detection that is elsewhere", () => {
    const edits = remove(noEdits, foundRegions([face(box(0, 0))])[0]!);
    assert.equal(shownRegions(foundRegions([face(box(40, 40))]), edits).length, 1);
  });

  test("make a moved detection one drawn region with the same id, so that a drag goes on", () => {
    const found = foundRegions([face(box(0, 0))]);
    const once = move(noEdits, found[0]!, box(10, 0));
    const twice = move(once, shownRegions(found, once)[0]!, box(20, 0));
    assert.deepEqual(shownRegions(found, twice), [{ id: found[0]!.id, boxes: [box(20, 0)], score: 1, drawn: true }]);
  });
});

describe("a detection that is left as it was found", () => {
  test("is sent back with its keypoints, whatever else changed; a moved one without", () => {
    const keypoints = [box(10, 20), box(10, 50), box(30, 35), box(60, 35)].map(({ x, y }) => ({ x, y }));
    const found = foundRegions([{ ...face(box(0, 0)), keypoints }]);
    const shown = shownRegions(found, draw(noEdits, "mine", box(600, 0)));
    assert.deepEqual(
      shown.flatMap(({ boxes }) => boxes),
      [{ ...box(0, 0), keypoints }, box(600, 0)],
    );
    assert.deepEqual(shownRegions(found, move(noEdits, found[0]!, box(5, 5)))[0]!.boxes, [box(5, 5)]);
  });
});

describe("an animation's detections", () => {
  test("at the same place in several frames are one region that keeps the box of every frame", () => {
    const regions = foundRegions([face(box(0, 0), 0.7, 0), face(box(5, 0), 0.9, 1), face(box(400, 0), 0.8, 1)]);
    assert.deepEqual(
      regions.map(({ boxes, score }) => [boxes, score]),
      [
        [[box(0, 0), box(5, 0)], 0.9],
        [[box(400, 0)], 0.8],
      ],
    );
    assert.deepEqual(outline(regions[0]!), box(0, 0, 105, 100));
  });

  test("in one frame stay apart, however close they are", () => {
    assert.equal(foundRegions([face(box(0, 0), 0.9, 0), face(box(2, 0), 0.9, 0)]).length, 2);
  });
});

test("a box is cut to the picture and never empty", () => {
  const picture = { width: 200, height: 100 };
  assert.deepEqual(clampBox(box(-50, 50), picture), box(0, 50, 50, 50));
  assert.deepEqual(clampBox(box(500, 500), picture), box(199, 99, 1, 1));
});
