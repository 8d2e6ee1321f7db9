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
  // A crowd has 100,000 cells. Boxes touch only if they lie in neighbouring squares as large as the longest side.
  const pitch = candidates.reduce((longest, { box }) => Math.max(longest, box.width, box.height), 1);
  const squareOf = ({ box }: T) => [Math.floor(box.x / pitch), Math.floor(box.y / pitch)] as const;
  const sorted = candidates.toSorted((a, b) => b.score - a.score);
  const rank = new Map(sorted.map((candidate, index) => [candidate, index]));
  const waiting = Map.groupBy(sorted, (candidate) => squareOf(candidate).join());
  const taken = new Set<T>();
  const groups: T[][] = [];
  for (const best of sorted) {
    if (taken.has(best)) continue;
    const group: T[] = [];
    const [column, row] = squareOf(best);
    for (const [x, y] of neighbourhood) {
      const square = `${column + x},${row + y}`;
      const rest = waiting.get(square)?.filter((other) => {
        const same = other === best || iou(best.box, other.box) > minIou;
        if (same) group.push(other);
        return !same;
      });
      if (rest) waiting.set(square, rest);
    }
    for (const member of group) taken.add(member);
    // Sums of floating-point numbers depend on their order: it must not come from the squares.
    groups.push(group.sort((a, b) => rank.get(a)! - rank.get(b)!));
  }
  return groups;
}

const neighbourhood = [-1, 0, 1].flatMap((x) => [-1, 0, 1].map((y) => [x, y] as const));

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
