import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  consistencyPath,
  emptyFrontier,
  type Frontier,
  frontierAt,
  grow,
  type Hash,
  inclusionPath,
  isConsistent,
  isIncluded,
  leafHash,
  nodeHash,
  type ReadNode,
  rootOf,
} from "../../src/ledger/merkle.ts";

const leavesOf = (count: number): Hash[] => Array.from({ length: count }, (_, index) => leafHash(`leaf ${index}`));
const other = leafHash("another one");

/** The definition of RFC 9162, 2.1.1, word by word. */
function definition(leaves: readonly Hash[]): Hash {
  if (leaves.length === 0) return createHash("sha256").digest("hex");
  if (leaves.length === 1) return leaves[0]!;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(definition(leaves.slice(0, split)), definition(leaves.slice(split)));
}

const readOf =
  (leaves: readonly Hash[]): ReadNode =>
  async (level, place) => {
    const part = leaves.slice(place * 2 ** level, (place + 1) * 2 ** level);
    assert.equal(part.length, 2 ** level, "only whole subtrees are asked for");
    return definition(part);
  };

function grown(leaves: readonly Hash[]): Frontier {
  return leaves.reduce((frontier, leaf) => grow(frontier, leaf), emptyFrontier);
}

const sizes = fc.integer({ min: 1, max: 70 });

describe("the Merkle tree", () => {
  test("has the known heads of RFC 6962's reference trees", () => {
    const known = ["", "00", "10", "2021"].map((text) =>
      createHash("sha256").update(Uint8Array.of(0)).update(Buffer.from(text, "hex")).digest("hex"),
    );
    assert.equal(rootOf(emptyFrontier), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert.equal(rootOf(grown(known.slice(0, 1))), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    assert.equal(rootOf(grown(known.slice(0, 3))), "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77");
    assert.equal(rootOf(grown(known)), "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7");
  });

  test("grows leaf by leaf to the head that the definition gives, and is found again from its whole subtrees", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 70 }), async (size) => {
        const leaves = leavesOf(size);
        assert.equal(rootOf(grown(leaves)), definition(leaves));
        assert.deepEqual(await frontierAt(size, readOf(leaves)), grown(leaves));
      }),
    );
  });

  test("tells of every whole subtree that a leaf completes", () => {
    const told: string[] = [];
    leavesOf(9).reduce(
      (frontier, leaf) => grow(frontier, leaf, ({ level, place }) => told.push(`${level}/${place}`)),
      emptyFrontier,
    );
    const expected = [0, 1, 2, 3].flatMap((level) =>
      Array.from({ length: Math.floor(9 / 2 ** level) }, (_, place) => `${level}/${place}`),
    );
    assert.deepEqual(told.toSorted(), expected.toSorted());
  });

  test("proves every leaf, and nothing else: no other leaf, place, size, head or path", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async (size, seed) => {
        const leaves = leavesOf(size);
        const [root, index] = [definition(leaves), seed % size];
        const leaf = leaves[index]!;
        const path = await inclusionPath(index, size, readOf(leaves));
        assert.equal(isIncluded(leaf, index, size, path, root), true);
        assert.equal(isIncluded(other, index, size, path, root), false);
        assert.equal(isIncluded(leaf, index, size, path, other), false);
        assert.equal(isIncluded(leaf, index, size, [...path, other], root), false);
        for (const wrong of [-1, size, index + 1, index - 1, 0.5]) {
          if (wrong !== index) assert.equal(isIncluded(leaf, wrong, size, path, root), false, `place ${wrong}`);
        }
        for (const [place] of path.entries()) {
          assert.equal(isIncluded(leaf, index, size, path.with(place, other), root), false);
          assert.equal(isIncluded(leaf, index, size, path.toSpliced(place, 1), root), false);
        }
      }),
    );
  });

  test("proves that it only grew, and no history that was rewritten", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (size, a, b) => {
        const leaves = leavesOf(size);
        const before = a % (size + 1);
        const [old, now] = [before, size].map((count) => ({ size: count, root: definition(leaves.slice(0, count)) }));
        const path = await consistencyPath(before, size, readOf(leaves));
        assert.equal(isConsistent(old!, now!, path), true);
        if (before === 0) return;
        const rewritten = { size, root: definition(leaves.with(b % before, other)) };
        assert.equal(isConsistent(old!, rewritten, path), false);
        const otherPath = await consistencyPath(before, size, readOf(leaves.with(b % before, other)));
        assert.equal(isConsistent(old!, rewritten, otherPath), false);
        assert.equal(isConsistent(old!, now!, [...path, other]), false);
        if (before < size) assert.equal(isConsistent(now!, old!, path), false);
      }),
    );
  });
});
