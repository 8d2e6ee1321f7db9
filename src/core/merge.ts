import type { Candidate } from "./full-range-decode.ts";
import type { Box } from "./region.ts";

/** One pass's cells as faces: MediaPipe's weighted non-maximum suppression (IoU 0.3, the best cell's score). */
export function suppress(cells: readonly Candidate[]): Candidate[] {
  return groupByOverlap(cells, 0.3).map((members) => ({
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
export function unite(views: readonly (readonly Candidate[])[]): Candidate[] {
  return groupByOverlap(views.flat(), sameFaceAcrossPasses).map(([best]) => best!);
}

/** Groups around the best-scored that is left, with all that overlap it by more than `minIou`; best come first. */
function groupByOverlap<T extends Candidate>(candidates: readonly T[], minIou: number): T[][] {
  const sorted = candidates.toSorted((a, b) => b.score - a.score);
  // Plain numbers side by side: a crowd in a large picture has 100,000 cells, and each is compared with each group.
  const left = Float64Array.from(sorted, ({ box }) => box.x);
  const top = Float64Array.from(sorted, ({ box }) => box.y);
  const right = Float64Array.from(sorted, ({ box }) => box.x + box.width);
  const bottom = Float64Array.from(sorted, ({ box }) => box.y + box.height);
  const areaOf = (index: number) => (right[index]! - left[index]!) * (bottom[index]! - top[index]!);

  let waiting = Int32Array.from(sorted, (_, index) => index);
  const groups: T[][] = [];
  while (waiting.length > 0) {
    const best = waiting[0]!;
    const group: T[] = [sorted[best]!];
    let kept = 0;
    for (let at = 1; at < waiting.length; at++) {
      const other = waiting[at]!;
      const width = Math.min(right[best]!, right[other]!) - Math.max(left[best]!, left[other]!);
      const height = Math.min(bottom[best]!, bottom[other]!) - Math.max(top[best]!, top[other]!);
      const shared = width > 0 && height > 0 ? width * height : 0;
      if (shared > minIou * (areaOf(best) + areaOf(other) - shared)) group.push(sorted[other]!);
      else waiting[kept++] = other;
    }
    groups.push(group);
    waiting = waiting.subarray(0, kept);
  }
  return groups;
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
