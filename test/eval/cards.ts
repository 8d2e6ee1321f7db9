import type { Card } from "../../src/eval/card.ts";
import { exactBounds } from "../../src/eval/exact-bounds.ts";
import type { Slice } from "../../src/eval/slices.ts";

/** A slice with honest bounds. */
export function sliceOf(id: string, faces: number, leaks: number): Slice {
  const [, dimension = id, name = id] = /^([a-z]+)(?:=|(?=[<>]))(.+)$/s.exec(id) ?? [];
  const { share, lower, upper } = exactBounds(faces - leaks, faces)!;
  const pixels = { judged: faces, leakedVisible: leaks, maskedVisible: 0 };
  return { id, dimension, name, faces, leaks, recall: share, lowerBound: lower, upperBound: upper, pixels };
}

/** A card as an evaluation would give it. */
export function madeCard(measuredAt: string, slices: readonly Slice[], more: Partial<Card> = {}): Card {
  return {
    ...{ schema: "veil-eval/1", veil: "0.1.0", measuredAt, minScore: 0.4 },
    detector: { name: "mediapipe-full-range", digest: "ab".repeat(32) },
    policy: { profile: "balanced", style: "blur", strength: "standard", quality: 90 },
    truth: {
      files: [{ name: "truth.jsonl", sha256: "cd".repeat(32) }],
      ...{ pictures: 120, faces: slices[0]?.faces ?? 0, facesNotCounted: 3, notes: [] },
    },
    notMeasured: [],
    slices,
    falseRegions: [{ set: "all", pictures: 120, regions: 96, perPicture: 0.8 }],
    area: { changedPerLabelled: 3.2, maskedShare: 0.21 },
    cpuMs: { detect: { mean: 180, p95: 240 }, whole: { mean: 230, p95: 320 } },
    curve: [0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1].map((at) => ({
      minScore: at,
      recall: { all: 1 - at * 0.7, from16: 1 - at * 0.6, from32: 1 - at * 0.4 },
      falseRegionsPerPicture: 0.32 / at,
    })),
    worst: [],
    ...more,
  };
}
