import type { Matrix } from "ml-matrix";
import type { Gram } from "./attack-subspace.ts";
import {
  centred,
  cosines,
  innerProduct,
  likelihoods,
  peopleModelOf,
  standardised,
  subspaceOf,
  together,
} from "./attack-subspace.ts";

/**
 * - `naive`: compares the masked probe with the clear gallery.
 * - `parrot`: masks the gallery in the same way and compares alike with alike.
 * - `restore`: guesses from the masked probe what the clear one was, and compares that with the clear gallery.
 */
export type Approach = "naive" | "parrot" | "restore";

/** What one attacker makes of each probe (rows) and each person of the gallery (columns, in the probes' order). */
export interface Attempt {
  readonly approach: Approach;
  readonly attacker: string;
  readonly scores: readonly Float64Array[];
}

/** Numbers of photographs: what attackers may train on, and whom they must tell apart afterwards. */
export interface Fold {
  readonly training: readonly number[];
  /** The person of each training photograph; none of them is in the gallery. */
  readonly persons: readonly number[];
  readonly gallery: readonly number[];
  readonly probes: readonly number[];
}

/** What is compared: every photograph as a vector of length 1, masked and clear. */
export interface Evidence {
  readonly name: string;
  readonly masked: readonly Float32Array[];
  readonly clear: readonly Float32Array[];
  readonly maskedGram: Gram;
  readonly clearGram: Gram;
}

/** Axes of the trained projections. More overfit a few hundred photographs. */
const trainedAxes = 120;
/** Regularisation of the restorations, in mean powers of an axis; the better of them counts. */
const ridges = [0.1, 1];

/** A ridge regression from masked to clear, trained on other people. */
export interface Restorer {
  readonly evidence: string;
  readonly ridge: number;
  /** A row a probe: how much each training photograph's clear vector (about their mean) counts in its restoration. */
  readonly weights: Matrix;
}

/** Every attempt of one fold but those that need a network, and the restorers. */
export function attemptsOf(
  evidence: readonly Evidence[],
  fold: Fold,
): { readonly attempts: readonly Attempt[]; readonly restorers: readonly Restorer[] } {
  const { training, gallery, probes } = fold;
  const attempts: Attempt[] = [];
  for (const { name, masked, clear } of evidence) {
    const scores = probes.map((probe) =>
      Float64Array.from(gallery, (other) => innerProduct(masked[probe]!, clear[other]!)),
    );
    attempts.push({ approach: "naive", attacker: name, scores });
  }
  const grams = evidence.map(({ name, maskedGram }) => ({ name, gram: maskedGram }));
  if (evidence.length > 1) grams.push({ name: "all", gram: together(grams.map(({ gram }) => gram)) });
  const restorers: Restorer[] = [];
  for (const { name, gram } of grams) {
    const subspace = subspaceOf(gram, training);
    // The masks leave nothing in which photographs differ.
    if (subspace.powers.length < 2) continue;
    const rows = {
      g: subspace.coordinates(gallery),
      p: subspace.coordinates(probes),
      t: subspace.coordinates(training),
    };
    attempts.push({ approach: "parrot", attacker: name, scores: cosines(rows.p, rows.g) });
    attempts.push(...trained(name, rows, fold.persons));
    const average = subspace.powers.reduce((sum, power) => sum + power, 0) / subspace.powers.length;
    for (const ridge of ridges) {
      const weighted = rows.p.clone();
      for (const [axis, power] of subspace.powers.entries()) weighted.mulColumn(axis, 1 / (power + ridge * average));
      restorers.push({ evidence: name, ridge, weights: weighted.mmul(rows.t.transpose()) });
    }
  }
  for (const target of evidence) {
    const toGallery = centred(target.clearGram, training, training, gallery);
    const inGallery = centred(target.clearGram, training, gallery, gallery);
    for (const [column] of gallery.entries()) toGallery.mulColumn(column, 1 / Math.sqrt(inGallery.get(column, column)));
    for (const { evidence: name, ridge, weights } of restorers) {
      const products = weights.mmul(toGallery);
      const scores = standardised(probes.map((_, row) => Float64Array.from(products.getRow(row))));
      attempts.push({ approach: "restore", attacker: `${name} to ${target.name}, ridge ${ridge}`, scores });
    }
  }
  return { attempts, restorers };
}

/** All trained attempts in one, each with the same weight. */
export function fusionOf(attempts: readonly Attempt[]): Attempt {
  const parts = attempts.filter(({ approach, attacker }) => approach === "restore" || /likelihood/.test(attacker));
  const scores = (parts[0]?.scores ?? []).map((row) => new Float64Array(row.length));
  for (const part of parts) {
    for (const [probe, row] of standardised(part.scores).entries()) {
      for (let at = 0; at < row.length; at++) scores[probe]![at]! += row[at]!;
    }
  }
  return { approach: "restore", attacker: "all of them", scores };
}

/** A projection that was trained on other people, masked alike: discriminants, and the likelihood of one person. */
function trained(
  name: string,
  { g, p, t }: { g: Matrix; p: Matrix; t: Matrix },
  persons: readonly number[],
): Attempt[] {
  const axes = Math.min(trainedAxes, Math.floor(t.rows / 3), t.columns);
  const cut = (matrix: Matrix) => matrix.subMatrix(0, matrix.rows - 1, 0, axes - 1);
  const model = peopleModelOf(cut(t), persons);
  const [gallery, probes] = [model.project(cut(g)), model.project(cut(p))];
  return [
    { approach: "parrot", attacker: `${name}, trained discriminants`, scores: cosines(probes, gallery) },
    {
      approach: "parrot",
      attacker: `${name}, trained likelihood`,
      scores: likelihoods(probes, gallery, model.between),
    },
  ];
}
