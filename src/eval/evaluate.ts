import type { Detector } from "../core/detector.ts";
import type { Limits } from "../core/media.ts";
import type { Policy } from "../core/policy.ts";
import { toProblem } from "../errors.ts";
import type { Card } from "./card.ts";
import { type Choice, choose } from "./choose.ts";
import { curveOf } from "./curve.ts";
import { createLeakAlbum, type LeakPicture } from "./leak-album.ts";
import { type Looks, measurePicture, type PictureOutcome } from "./measure-picture.ts";
import type { FoundPicture, Truth } from "./read-truth.ts";
import { slicesIn } from "./slices.ts";

export interface EvaluateOptions {
  readonly truth: Truth;
  readonly choice: Choice;
  readonly detector: Detector;
  readonly policy: Policy;
  /** The threshold at which `policy` masks with this detector; absent: it has no single one. */
  readonly minScore?: number;
  readonly limits: Limits;
  /** Owner-only folder for what is on its way; nothing is left in it. */
  readonly scratch: string;
  /** Whether to keep pictures of the worst leaks: they show unmasked faces. */
  readonly withPictures: boolean;
  readonly version: string;
  readonly signal?: AbortSignal;
  /** After each picture. */
  readonly onPicture?: () => void;
}

export interface Evaluation {
  readonly card: Card;
  readonly pictures: readonly LeakPicture[];
}

const worstShown = 10;
/** Where the curve over thresholds begins; below it regions are mostly noise. */
const lowestScore = 0.1;
/** Pictures with regions on which one detection is compared with two. */
const checkedTwice = 3;

/**
 * Masks every chosen picture as veil does and says how many faces leaked. A picture that could not be measured is none
 * that leaked: it is listed, and its faces do not count. Rejects when `signal` aborts.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { truth, choice, detector, policy, minScore, signal, version } = options;
  const measuredAt = new Date().toISOString();
  const pictures = choose(truth.pictures, choice);
  const album = createLeakAlbum({ size: worstShown, withPictures: options.withPictures });
  const looksTwice = policy.verify !== undefined && policy.verify !== "off";
  const looks: Looks = { together: minScore !== undefined && !looksTwice, checks: checkedTwice };
  const lowest = Math.min(lowestScore, minScore ?? 1);
  const outcomes: PictureOutcome[] = [];
  const notMeasured: Card["notMeasured"][number][] = [];
  for (const picture of pictures) {
    signal?.throwIfAborted();
    const rendered = await measurePicture(picture, { ...options, lowest }, looks).catch((error: unknown) => {
      const { code, message } = toProblem(error);
      notMeasured.push({ file: picture.file, code, message });
    });
    if (rendered) {
      outcomes.push(rendered.outcome);
      await album.add(rendered);
    }
    options.onPicture?.();
  }

  const slices = slicesIn(outcomes);
  const { minScore: _, ...measured } = policy;
  const { sets, half, limit } = choice;
  const labelled = sum(outcomes, ({ picture }) => picture.faces.length);
  const card: Card = {
    ...{ schema: "veil-eval/1", veil: version, measuredAt },
    detector: { name: detector.name, digest: detector.digest },
    ...{ policy: measured, minScore: minScore ?? null },
    truth: {
      files: truth.files,
      ...{ ...(sets && { sets }), ...(half && { half }), ...(limit !== undefined && { limit }) },
      pictures: outcomes.length,
      faces: sum(outcomes, ({ faces }) => faces.length),
      facesNotCounted: labelled - sum(outcomes, ({ faces }) => faces.length),
      notes: [
        ...truth.notes,
        ...(minScore === undefined ? [ownScores] : looksTwice ? [firstLook] : looks.together ? [] : [apart]),
      ],
    },
    notMeasured,
    slices,
    falseRegions: falseRegionsOf(outcomes),
    area: {
      changedPerLabelled: ratio(
        sum(outcomes, ({ changed }) => changed),
        sum(outcomes, ({ labelled }) => labelled),
      ),
      maskedShare: sum(outcomes, ({ changed, pixels }) => changed / pixels) / Math.max(1, outcomes.length),
    },
    cpuMs: {
      detect: timesOf(outcomes.map(({ cpuMs }) => cpuMs.detect)),
      whole: timesOf(outcomes.map(({ cpuMs }) => cpuMs.whole)),
    },
    curve: curveOf(outcomes, lowest, minScore),
    worst: album.worst.map(({ file, set, face: { box, covered, maskedUpTo } }) => ({
      file,
      set,
      box,
      covered,
      maskedUpTo,
    })),
  };
  return { card, pictures: album.pictures };
}

const ownScores =
  "Several detectors, each from a score of its own: the curve shows one score for all of them, which is not where this card was measured.";
const firstLook =
  "The second look of policy.verify is in the leaks and not in the curve; pictures that it holds are named as not measured.";
const apart =
  "This detector answers otherwise at a low threshold than at its own: each picture was looked at twice, and the curve is not exact.";

function falseRegionsOf(outcomes: readonly PictureOutcome[]): Card["falseRegions"] {
  const row = (set: string, members: readonly PictureOutcome[]) => {
    const regions = sum(members, ({ falseRegions }) => falseRegions);
    return { set, pictures: members.length, regions, perPicture: regions / Math.max(1, members.length) };
  };
  const sets = Map.groupBy(outcomes, ({ picture }) => picture.set);
  return [row("all", outcomes), ...[...sets].map(([set, members]) => row(set, members))];
}

function timesOf(times: readonly number[]): { mean: number; p95: number } {
  const sorted = times.toSorted((a, b) => a - b);
  return {
    mean: sum(sorted, (ms) => ms) / Math.max(1, sorted.length),
    p95: sorted[Math.ceil(0.95 * sorted.length) - 1] ?? 0,
  };
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function sum<T>(list: readonly T[], numberOf: (item: T) => number): number {
  return list.reduce((total, item) => total + numberOf(item), 0);
}

/** How many pictures a choice leaves. */
export function chosenCount(pictures: readonly FoundPicture[], choice: Choice): number {
  return choose(pictures, choice).length;
}
