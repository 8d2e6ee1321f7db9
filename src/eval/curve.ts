import type { Card } from "./card.ts";
import type { PictureOutcome } from "./measure-picture.ts";

const step = 0.025;

/** Recall and false regions at thresholds from `lowest` to 1, and at `minScore` itself. */
export function curveOf(outcomes: readonly PictureOutcome[], lowest: number, minScore = lowest): Card["curve"] {
  const faces = outcomes.flatMap((outcome) => outcome.faces);
  const falseScores = outcomes.flatMap((outcome) => outcome.falseScores);
  const regular = Array.from({ length: Math.floor(1 / step) + 1 }, (_, index) => Number((index * step).toFixed(3)));
  const thresholds = [...new Set([lowest, minScore, ...regular])].filter((at) => at >= lowest).sort((a, b) => a - b);
  const recallAt = (threshold: number, leastHeight: number) => {
    const group = faces.filter(({ box }) => box.height >= leastHeight);
    // A face that no region covers is masked at no threshold, not even at 0.
    const masked = group.filter(({ maskedUpTo }) => maskedUpTo > 0 && maskedUpTo >= threshold);
    return group.length === 0 ? null : masked.length / group.length;
  };
  return thresholds.map((threshold) => ({
    minScore: threshold,
    recall: { all: recallAt(threshold, 0) ?? 1, from16: recallAt(threshold, 16), from32: recallAt(threshold, 32) },
    falseRegionsPerPicture: falseScores.filter((score) => score >= threshold).length / Math.max(1, outcomes.length),
  }));
}
