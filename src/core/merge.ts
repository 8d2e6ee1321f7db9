import type { Candidate } from "./candidate.ts";
import type { Box } from "./region.ts";
import { iou } from "./region.ts";

/**
 * One pass's cells as faces: MediaPipe's weighted non-maximum suppression, with the best cell's score. Boxes whose
 * intersection over union is above `sameFace` are of one face.
 */
export function suppress(cells: readonly Candidate[], sameFace: number): Candidate[] {
  return groupByOverlap(cells, sameFace).map((members) => ({
    ...average(members, (member) => member.score),
    score: members[0]!.score,
  }));
}

const sameFaceAcrossPasses = 0.35;

/**
 * The faces of several passes over one picture as one list. Passes that agree strengthen one another: a face's score
 * is the probability that not every pass which saw it was wrong, were they independent.
 */
export function mergePasses(passes: readonly (readonly Candidate[])[]): Candidate[] {
  const faces = passes.flatMap((pass, index) => pass.map((face) => ({ ...face, pass: index })));
  return groupByOverlap(faces, sameFaceAcrossPasses).map((members) => {
    const bestOfPass = new Map<number, number>();
    for (const { pass, score } of members) bestOfPass.set(pass, Math.max(score, bestOfPass.get(pass) ?? 0));
    const allWrong = bestOfPass.values().reduce((product, score) => product * (1 - score), 1);
    return { ...average(members, (member) => member.score ** 2), score: 1 - allWrong };
  });
}

/** The faces of several views of one picture (opaqueViews) as one list; of the same face the best view's counts. */
export function unite<T extends Candidate>(views: readonly (readonly T[])[]): T[] {
  return groupByOverlap(views.flat(), sameFaceAcrossPasses).map(([best]) => best!);
}

/** Groups around the best-scored that is left, with all that overlap it by more than `minIou`; the best comes first. */
function groupByOverlap<T extends Candidate>(candidates: readonly T[], minIou: number): T[][] {
  // A crowd has 100,000 cells, and one of them may say that its face is as large as a house: boxes wait in squares of
  // about their own size. Where the longer sides differ by more than this factor, no overlap is large enough.
  const reach = Math.ceil(Math.log2(1 / minIou));
  const sorted = candidates.toSorted((a, b) => b.score - a.score);
  const rank = new Map(sorted.map((candidate, index) => [candidate, index]));
  const levels = Map.groupBy(sorted, ({ box }) => levelOf(box));
  const waiting = new Map(levels.entries().map(([level, own]) => [level, inSquares(own, level)]));
  const taken = new Set<T>();
  const groups: T[][] = [];
  for (const best of sorted) {
    if (taken.has(best)) continue;
    const group = [best];
    const level = levelOf(best.box);
    for (let near = level - reach; near <= level + reach; near++) {
      const squares = waiting.get(near);
      if (squares === undefined) continue;
      for (const name of squaresUnder(best.box, near)) {
        const rest = squares.get(name)?.filter((other) => {
          const same = other !== best && iou(best.box, other.box) > minIou;
          if (same) group.push(other);
          return !same && other !== best;
        });
        if (rest) squares.set(name, rest);
      }
    }
    for (const member of group) taken.add(member);
    // Sums of floating-point numbers depend on their order: it must not come from the squares.
    groups.push(group.sort((a, b) => rank.get(a)! - rank.get(b)!));
  }
  return groups;
}

/** The power of two above a box's longer side: as long are the squares in which it waits. */
function levelOf({ width, height }: Box): number {
  return Math.max(0, Math.floor(Math.log2(Math.max(width, height, 1))) + 1);
}

function inSquares<T extends Candidate>(candidates: readonly T[], level: number): Map<number, T[]> {
  return Map.groupBy(candidates, ({ box }) => squareName(squareOf(box.x, level), squareOf(box.y, level)));
}

/** The squares of a level in which boxes wait that may overlap this one: they begin less than a square before it ends. */
function* squaresUnder({ x, y, width, height }: Box, level: number): Generator<number> {
  const size = 2 ** level;
  const [left, top] = [squareOf(x - size, level), squareOf(y - size, level)];
  // Counted, for far away a number plus one is the same number.
  const [columns, rows] = [squareOf(x + width, level) - left, squareOf(y + height, level) - top];
  for (let row = 0; row <= rows; row++) {
    for (let column = 0; column <= columns; column++) yield squareName(left + column, top + row);
  }
}

function squareOf(place: number, level: number): number {
  return Math.floor(place / 2 ** level);
}

/** Two squares far outside of any picture may share a name: then more boxes than need be are compared. */
function squareName(column: number, row: number): number {
  return row * 2 ** 26 + column;
}

function average<T extends Candidate>(
  members: readonly T[],
  weightOf: (member: T) => number,
): Pick<Candidate, "box" | "keypoints"> {
  const total = members.reduce((sum, member) => sum + weightOf(member), 0);
  const mean = (read: (member: T) => number) =>
    members.reduce((sum, member) => sum + weightOf(member) * read(member), 0) / total;
  const box: Box = {
    x: mean(({ box }) => box.x),
    y: mean(({ box }) => box.y),
    width: mean(({ box }) => box.width),
    height: mean(({ box }) => box.height),
  };
  const keypoints = members[0]!.keypoints.map((_, index) => ({
    x: mean((member) => member.keypoints[index]!.x),
    y: mean((member) => member.keypoints[index]!.y),
  }));
  return { box, keypoints };
}
