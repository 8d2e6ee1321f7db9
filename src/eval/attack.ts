import type { Pixels } from "../core/detector.ts";
import type { Share } from "./attack-measures.ts";
import { areaUnderCurve, rankOne, shareOf } from "./attack-measures.ts";
import type { Operator } from "./attack-operators.ts";
import type { People } from "./attack-photographs.ts";
import { halfOf } from "./attack-photographs.ts";
import type { Recogniser } from "./attack-recogniser.ts";
import { gramOf } from "./attack-subspace.ts";
import { alignedSide, alignmentOf, lumaOfView, pixelVector, squareAround, viewOf, widened } from "./attack-views.ts";
import type { Approach, Attempt, Evidence, Fold, Restorer } from "./attackers.ts";
import { attemptsOf, fusionOf } from "./attackers.ts";

/** What one attacker got out of one operator. */
export interface Outcome {
  readonly approach: Approach;
  readonly attacker: string;
  /** Probes of which the right person was named first. */
  readonly rankOne: Share;
  /** Area under the verification ROC curve; 0.5 is a guess. */
  readonly auc: number;
}

/** What all attackers got out of one operator. */
export interface OperatorResult {
  readonly operator: string;
  readonly kind: Operator["kind"];
  readonly floor?: string;
  readonly outcomes: readonly Outcome[];
}

/** The attack on every operator. */
export interface AttackReport {
  readonly people: number;
  readonly photographs: number;
  readonly left: People["left"];
  readonly recognisers: readonly string[];
  /** Rank-1 of a guess. */
  readonly chance: number;
  readonly results: readonly OperatorResult[];
}

export interface AttackOptions {
  readonly operators: readonly Operator[];
  readonly recognisers: readonly Recogniser[];
  /** Told after each operator. */
  readonly onOperator?: (result: OperatorResult) => void;
}

/** Sides of the pixel views; a cell is about 1/20 and 1/8 of a face's width. */
const nearSide = 32;
const wideSide = 32;
/** How much more than the recogniser sees the near view shows, and the width of the wide one in face widths. */
const nearTimes = 1.4;
const wideWidths = 4;
/** Side of the pictures that a restoration draws for the recogniser. */
const drawnSide = 40;

/**
 * Lets every attacker loose on every operator. People are split in halves by a hash of their names; each half is
 * attacked with what was learnt from the other, so that no attacker has seen the people it must recognise.
 */
export async function attack(people: People, options: AttackOptions): Promise<AttackReport> {
  const folds = foldsOf(people);
  const clear = await looksOf(people, options.recognisers, () => undefined);
  const clearGrams = clear.map(({ vectors }) => gramOf(vectors));
  const drawn = people.photographs.map(({ pixels, region }) =>
    lumaOfView(viewOf(pixels, widened(alignmentOf(region), 1, drawnSide), drawnSide)),
  );
  const results: OperatorResult[] = [];
  for (const operator of options.operators) {
    const masked = await looksOf(people, options.recognisers, operator.hide);
    const evidence = masked.map(
      ({ name, vectors }, index): Evidence => ({
        name,
        masked: vectors,
        clear: clear[index]!.vectors,
        maskedGram: gramOf(vectors),
        clearGram: clearGrams[index]!,
      }),
    );
    const perFold: Attempt[][] = [];
    for (const fold of folds) {
      const { attempts, restorers } = attemptsOf(evidence, fold);
      const redrawn: Attempt[] = [];
      for (const [index, recogniser] of options.recognisers.entries()) {
        redrawn.push(...(await redraw(recogniser, clear[index]!.vectors, drawn, restorers, fold)));
      }
      perFold.push([...attempts, ...redrawn, fusionOf([...attempts, ...redrawn])]);
    }
    const result = resultOf(operator, perFold);
    results.push(result);
    options.onOperator?.(result);
  }
  const trials = folds.reduce((sum, { probes }) => sum + probes.length, 0);
  return {
    people: people.names.length,
    photographs: people.photographs.length,
    left: people.left,
    recognisers: options.recognisers.map(({ name }) => name),
    chance: folds.length / trials,
    results,
  };
}

/** An operator's most successful attacker, of one approach or of all. */
export function bestOf(result: OperatorResult, approach?: Approach): Outcome | undefined {
  return result.outcomes
    .filter((outcome) => approach === undefined || outcome.approach === approach)
    .reduce<Outcome | undefined>((best, outcome) => {
      if (!best) return outcome;
      const more = outcome.rankOne.hits - best.rankOne.hits || outcome.auc - best.auc;
      return more > 0 ? outcome : best;
    }, undefined);
}

/** Whether the best attacker is recognisably better than against the operator that shows nothing of the face. */
export function isAboveFloor(report: AttackReport, result: OperatorResult): boolean | undefined {
  const floor = report.results.find(({ operator }) => operator === result.floor);
  if (!floor) return undefined;
  return bestOf(result)!.rankOne.low > bestOf(floor)!.rankOne.high;
}

function foldsOf({ names, photographs }: People): Fold[] {
  const halves = names.map(halfOf);
  return [0, 1].map((half) => {
    const training: number[] = [];
    const gallery: number[] = [];
    const probes: number[] = [];
    const seen = new Map<number, number>();
    for (const [index, { person }] of photographs.entries()) {
      const before = seen.get(person) ?? 0;
      seen.set(person, before + 1);
      if (halves[person] !== half) training.push(index);
      else if (before < 2) (before === 0 ? gallery : probes).push(index);
    }
    return { training, persons: training.map((index) => photographs[index]!.person), gallery, probes };
  });
}

interface Looks {
  readonly name: string;
  readonly vectors: readonly Float32Array[];
}

/** All photographs as vectors once they are hidden: by each recogniser, near and wide pixels. */
async function looksOf(
  { photographs }: People,
  recognisers: readonly Recogniser[],
  hide: Operator["hide"],
): Promise<Looks[]> {
  const near: Float32Array[] = [];
  const wide: Float32Array[] = [];
  const embeddings = recognisers.map(() => [] as Promise<Float32Array>[]);
  for (const { pixels, region } of photographs) {
    const hidden: Pixels = { ...pixels, data: pixels.data.slice() };
    hide(hidden, region);
    const alignment = alignmentOf(region);
    near.push(pixelVector(viewOf(hidden, widened(alignment, nearTimes, nearSide), nearSide), nearSide));
    wide.push(pixelVector(viewOf(hidden, squareAround(region, wideWidths, wideSide), wideSide), wideSide));
    const face = recognisers.length > 0 ? viewOf(hidden, alignment, alignedSide) : undefined;
    for (const [index, recogniser] of recognisers.entries()) embeddings[index]!.push(recogniser.embed(face!));
    // The networks work meanwhile; without a pause their inputs would pile up.
    if (near.length % 16 === 0) await Promise.all(embeddings.flat());
  }
  const embedded = await Promise.all(
    recognisers.map(async ({ name }, index) => ({ name, vectors: await Promise.all(embeddings[index]!) })),
  );
  return [...embedded, { name: "face's pixels", vectors: near }, { name: "picture's pixels", vectors: wide }];
}

/** Restored faces, drawn as grey pictures and shown to the recogniser. */
async function redraw(
  recogniser: Recogniser,
  clear: readonly Float32Array[],
  drawn: readonly Float32Array[],
  restorers: readonly Restorer[],
  { training, gallery, probes }: Fold,
): Promise<Attempt[]> {
  const restorer = restorers.find(({ evidence }) => evidence === "all");
  if (!restorer) return [];
  const plane = drawnSide * drawnSide;
  const mean = new Float32Array(plane);
  for (const photograph of training) {
    for (let at = 0; at < plane; at++) mean[at]! += drawn[photograph]![at]! / training.length;
  }
  const scale = { a: drawnSide / alignedSide, b: 0, left: 0, top: 0 };
  const embeddings = await Promise.all(
    probes.map((_, row) => {
      const grey = mean.slice();
      for (const [column, photograph] of training.entries()) {
        const weight = restorer.weights.get(row, column);
        for (let at = 0; at < plane; at++) grey[at]! += weight * (drawn[photograph]![at]! - mean[at]!);
      }
      const data = new Uint8Array(3 * plane);
      for (let at = 0; at < data.length; at++) data[at] = Math.min(255, Math.max(0, grey[Math.floor(at / 3)]!));
      const picture: Pixels = { data, width: drawnSide, height: drawnSide, channels: 3 };
      return recogniser.embed(viewOf(picture, scale, alignedSide));
    }),
  );
  const scores = embeddings.map((embedding) =>
    Float64Array.from(gallery, (other) => embedding.reduce((sum, value, k) => sum + value * clear[other]![k]!, 0)),
  );
  return [{ approach: "restore", attacker: `redrawn for ${recogniser.name}`, scores }];
}

function resultOf({ name, kind, floor }: Operator, perFold: readonly (readonly Attempt[])[]): OperatorResult {
  const outcomes = perFold[0]!.map(({ approach, attacker }): Outcome => {
    const attempts = perFold.map((attempts) =>
      attempts.find((one) => one.attacker === attacker && one.approach === approach),
    );
    const scores = attempts.flatMap((attempt) => (attempt ? [attempt.scores] : []));
    const trials = scores.reduce((sum, { length }) => sum + length, 0);
    return {
      approach,
      attacker,
      rankOne: shareOf(
        scores.reduce((sum, fold) => sum + rankOne(fold), 0),
        trials,
      ),
      auc: scores.reduce((sum, fold) => sum + areaUnderCurve(fold) * fold.length, 0) / trials,
    };
  });
  return { operator: name, kind, ...(floor !== undefined && { floor }), outcomes };
}
