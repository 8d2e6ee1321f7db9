import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Candidate } from "../../src/core/candidate.ts";
import { mergePasses, suppress, unite } from "../../src/core/merge.ts";
import { iou } from "../../src/core/region.ts";

describe("suppression within a pass", () => {
  it("makes one face of overlapping cells: the best score, the box and keypoints weighted by score", () => {
    const [face, ...others] = suppress([at(0, 0, 0.6), at(10, 0, 0.3)], 0.3);
    assert.equal(others.length, 0);
    assert.equal(face!.score, 0.6);
    assert.ok(Math.abs(face!.box.x - 10 / 3) < 1e-9);
    assert.ok(Math.abs(face!.keypoints[0]!.x - (50 + 10 / 3)) < 1e-9);
    assert.deepEqual([face!.box.y, Math.round(face!.box.width), Math.round(face!.box.height)], [0, 100, 100]);
  });

  it("keeps faces apart that overlap by less than 0.3", () => {
    // 100 x 100 boxes shifted by 55 overlap by 45/155 = 0.29, by 53 by 47/153 = 0.31.
    assert.equal(suppress([at(0, 0, 0.9), at(55, 0, 0.8)], 0.3).length, 2);
    assert.equal(suppress([at(0, 0, 0.9), at(53, 0, 0.8)], 0.3).length, 1);
  });

  it("loses no cell: each overlaps a face that is kept or is one", () => {
    fc.assert(
      fc.property(fc.array(candidates(), { maxLength: 40 }), (cells) => {
        const faces = suppress(cells, 0.3);
        assert.ok(faces.length <= cells.length);
        const best = Math.max(0, ...cells.map(({ score }) => score));
        assert.equal(faces[0]?.score ?? 0, best);
        for (const cell of cells) assert.ok(faces.some(({ box }) => iou(box, cell.box) > 0));
      }),
    );
  });
});

describe("grouping boxes of all sizes", () => {
  it("finds what comparing each with each finds", () => {
    const side = fc.double({ min: 0.3, max: 5000, noNaN: true });
    const place = fc.double({ min: -3000, max: 3000, noNaN: true });
    const box = fc.record({ x: place, y: place, width: side, height: side });
    const sized = fc
      .record({ box, score: fc.double({ min: 0.1, max: 1, noNaN: true }) })
      .map((one): Candidate => ({ ...one, keypoints: [] }));
    fc.assert(
      fc.property(fc.array(sized, { maxLength: 60 }), fc.constantFrom(0.3, 0.45), (cells, sameFace) => {
        assert.equal(suppress(cells, sameFace).length, groupsByComparing(cells, sameFace));
      }),
      { numRuns: 300 },
    );
  });

  it("takes no longer for boxes as large as a house among 20,000 cells", () => {
    const cells = Array.from({ length: 20_000 }, (_, n) => spread(n));
    const huge = Array.from({ length: 20 }, (_, n) => ({
      ...at(0, 0, 0.99),
      box: { x: 0, y: 0, width: 2 ** n * 1e6, height: 1e6 },
    }));
    suppress(cells, 0.45);
    const alone = timeOf(() => suppress(cells, 0.45));
    const among = timeOf(() => suppress([...cells, ...huge], 0.45));
    assert.ok(among < 5 * alone + 500, `${Math.round(among)} ms instead of ${Math.round(alone)} ms`);
  });

  it("comes to an end for boxes where a number plus one is the same number", () => {
    for (const x of [1e30, -1e30, 1e300]) {
      const far = { ...at(0, 0, 0.9), box: { x, y: x, width: 8, height: 8 } };
      assert.equal(suppress([far, at(0, 0, 0.8)], 0.3).length, 2);
    }
  });
});

describe("merging passes", () => {
  it("lets passes that agree strengthen one another", () => {
    const [face, ...others] = mergePasses([[at(0, 0, 0.5)], [at(4, 0, 0.4)], [at(2, 2, 0.5)]]);
    assert.equal(others.length, 0);
    assert.ok(Math.abs(face!.score - (1 - 0.5 * 0.6 * 0.5)) < 1e-9);
  });

  it("counts each pass once, however many boxes it has there", () => {
    const [face] = mergePasses([[at(0, 0, 0.5), at(40, 0, 0.5)]]);
    assert.equal(face!.score, 0.5);
  });

  it("weights boxes by the square of their score", () => {
    const [face] = mergePasses([[at(0, 0, 0.8)], [at(10, 0, 0.4)]]);
    assert.ok(Math.abs(face!.box.x - (10 * 0.16) / (0.64 + 0.16)) < 1e-9);
  });

  it("keeps what only one pass saw, with its score", () => {
    const faces = mergePasses([[at(0, 0, 0.3)], [at(500, 0, 0.2)], []]);
    assert.deepEqual(
      faces.map(({ score }) => score.toFixed(6)),
      ["0.300000", "0.200000"],
    );
  });

  it("never makes a face less certain than its best pass", () => {
    fc.assert(
      fc.property(fc.array(fc.array(candidates(), { maxLength: 10 }), { maxLength: 5 }), (passes) => {
        const best = Math.max(0, ...passes.flat().map(({ score }) => score));
        const merged = mergePasses(passes);
        assert.ok(Math.max(0, ...merged.map(({ score }) => score)) >= best - 1e-12);
        assert.ok(merged.every(({ score }) => score <= 1));
      }),
    );
  });

  it("finds the same groups whatever lies between them", () => {
    fc.assert(
      fc.property(fc.array(candidates(), { maxLength: 30 }), (cells) => {
        const huge = { ...at(-5000, -5000, 0.05), box: { x: -5000, y: -5000, width: 4000, height: 4000 } };
        assert.deepEqual(suppress([...cells, huge], 0.3).slice(0, -1), suppress(cells, 0.3));
      }),
    );
  });
});

describe("uniting views", () => {
  it("keeps a face that only one view shows, and of a face in both the better one", () => {
    const faces = unite([[at(0, 0, 0.9)], [at(5, 0, 0.5), at(500, 0, 0.6)]]);
    assert.deepEqual(
      faces.map(({ box, score }) => [box.x, score]),
      [
        [0, 0.9],
        [500, 0.6],
      ],
    );
  });
});

function at(x: number, y: number, score: number): Candidate {
  return { box: { x, y, width: 100, height: 100 }, score, keypoints: [{ x: x + 50, y: y + 50 }] };
}

function groupsByComparing(cells: readonly Candidate[], sameFace: number): number {
  let waiting = cells.toSorted((a, b) => b.score - a.score);
  let groups = 0;
  for (; waiting.length > 0; groups++) {
    const best = waiting[0]!;
    waiting = waiting.filter((other) => other !== best && !(iou(best.box, other.box) > sameFace));
  }
  return groups;
}

/** Small boxes that hardly ever are of one face, all over 4000 x 4000 pixels. */
function spread(n: number): Candidate {
  const box = { x: (n * 7919) % 4000, y: (n * 104_729) % 4000, width: 10 + (n % 30), height: 10 + (n % 23) };
  return { box, score: ((n * 31) % 1000) / 1000, keypoints: [] };
}

function timeOf(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

function candidates(): fc.Arbitrary<Candidate> {
  const number = fc.integer({ min: 0, max: 300 });
  return fc
    .record({ x: number, y: number, score: fc.double({ min: 0.1, max: 1, noNaN: true }) })
    .map(({ x, y, score }) => at(x, y, score));
}
