import type { PassTarget, Preset, Presets, Turn } from "./presets.ts";

/** One run of a fully convolutional detector over the whole picture, resized to width x height, then turned. */
export interface Pass {
  readonly width: number;
  readonly height: number;
  /** Faces of a height outside these, in pixels of the pass, are left to other passes. */
  readonly minFaceHeight: number;
  readonly maxFaceHeight: number;
  readonly turn: Turn;
}

/** A pass that enlarges less beyond the one below it than this shows nothing new. */
const leastStep = 1.2;

/** What a preset does with a picture of one size. */
export interface Plan {
  /** Largest first. */
  readonly passes: readonly Pass[];
  /** See Preset; 1 for faces too tall for all passes but the widest, which few passes confirm. */
  trustIn(faceHeight: number): number;
}

/** The plan for a picture of this size; `turns` says whether it is turned too. */
export function planFor(
  presets: Presets,
  { rows, turns: own }: Preset,
  width: number,
  height: number,
  turns = own,
): Plan {
  const side = Math.sqrt((width * height * 4) / 3);
  const row = rows.find(({ upTo }) => side <= upTo)!;
  const turned = turns ? ([90, 180, 270] as const).map((turn) => ladderOf(row.turned, turn)) : [];
  const passes = [ladderOf(row.passes, 0), ...turned].flat().toSorted((a, b) => b.width - a.width);
  const gated = passes.filter(({ maxFaceHeight }) => Number.isFinite(maxFaceHeight));
  const tallest = Math.max(0, ...gated.map((pass) => (pass.maxFaceHeight * height) / pass.height));
  return { passes, trustIn: (faceHeight) => (faceHeight <= tallest ? (row.trust ?? 1) : 1) };

  function ladderOf(targets: readonly PassTarget[], turn: Turn): Pass[] {
    const steps: { target: PassTarget; scale: number }[] = [];
    for (const target of targets.toSorted((a, b) => a.side - b.side)) {
      const scale = scaleOf(target, side, presets);
      const below = steps.at(-1);
      const isStep = scale >= (below?.scale ?? 0) * leastStep || target.side <= presets.alwaysUpTo;
      // One for large faces alone gives way: it would leave the small ones to nobody.
      if (!isStep && below?.target.minFace !== undefined && target.minFace === undefined) {
        if (below.target.side > presets.alwaysUpTo) steps.pop();
        steps.push({ target, scale });
      } else if (isStep) steps.push({ target, scale });
    }
    return steps.map(({ target, scale }) => ({
      width: Math.max(1, Math.round(width * scale)),
      height: Math.max(1, Math.round(height * scale)),
      minFaceHeight: target.minFace ?? 0,
      maxFaceHeight: target.maxFace ?? Number.POSITIVE_INFINITY,
      turn,
    }));
  }
}

function scaleOf(target: PassTarget, side: number, { alwaysUpTo, maxEnlargement }: Presets): number {
  const scale = target.side / side;
  if (target.side <= alwaysUpTo) return scale;
  return nearOne(scale) ? 1 : Math.min(scale, maxEnlargement);
}

/** A pass of nearly the picture's own size takes the pixels as they are: resizing costs time and sharpness. */
function nearOne(scale: number): boolean {
  return scale > 0.92 && scale < 1.08;
}
