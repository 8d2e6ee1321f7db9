import { CholeskyDecomposition, EigenvalueDecomposition, Matrix } from "ml-matrix";

/** Inner products of all photographs' vectors with one another, row after row. */
export interface Gram {
  readonly values: Float64Array;
  readonly count: number;
}

/** Vectors are taken so many at a time: they stay in the processor's cache. */
const block = 32;

/** Inner products of vectors of one length. */
export function gramOf(vectors: readonly Float32Array[]): Gram {
  const count = vectors.length;
  const values = new Float64Array(count * count);
  const length = usedLength(vectors);
  for (let first = 0; first < count; first += block) {
    for (let second = 0; second <= first; second += block) {
      for (let i = first; i < Math.min(count, first + block); i++) {
        for (let j = second; j < Math.min(i + 1, second + block); j++) {
          const product = innerProduct(vectors[i]!, vectors[j]!, length);
          values[i * count + j] = product;
          values[j * count + i] = product;
        }
      }
    }
  }
  return { values, count };
}

/** Sum of the products of the first `length` numbers. */
export function innerProduct(a: Float32Array, b: Float32Array, length = a.length): number {
  let p = 0;
  let q = 0;
  let r = 0;
  let s = 0;
  let at = 0;
  for (; at + 3 < length; at += 4) {
    p += a[at]! * b[at]!;
    q += a[at + 1]! * b[at + 1]!;
    r += a[at + 2]! * b[at + 2]!;
    s += a[at + 3]! * b[at + 3]!;
  }
  for (; at < length; at++) p += a[at]! * b[at]!;
  return p + q + r + s;
}

/** Without the end that is zero in every vector: the colours, where all photographs are grey. */
function usedLength(vectors: readonly Float32Array[]): number {
  return vectors.reduce((most, vector) => {
    let length = vector.length;
    while (length > most && Math.abs(vector[length - 1]!) < 1e-6) length--;
    return Math.max(most, length);
  }, 0);
}

/** Several kinds of vectors side by side, each with the same weight over all. */
export function together(grams: readonly Gram[]): Gram {
  const count = grams[0]?.count ?? 0;
  const values = new Float64Array(count * count);
  for (const gram of grams) {
    let [trace, whole] = [0, 0];
    for (let i = 0; i < count; i++) trace += gram.values[i * count + i]! / count;
    for (const value of gram.values) whole += value / (count * count);
    const spread = trace - whole;
    if (spread > 0) for (let at = 0; at < values.length; at++) values[at]! += gram.values[at]! / spread;
  }
  return { values, count };
}

/** Vectors as coordinates along the principal axes of some of them. */
export interface Subspace {
  /** Rows: the photographs asked for; columns: axes, the strongest first, each coordinate with its own scale. */
  readonly coordinates: (photographs: readonly number[]) => Matrix;
  /** Sum of the training photographs' squared coordinates along each axis. */
  readonly powers: readonly number[];
}

/** Inner products between the rows' and the columns' vectors, about the mean of the training photographs. */
export function centred(
  { values, count }: Gram,
  training: readonly number[],
  rows: readonly number[],
  columns: readonly number[],
): Matrix {
  const means = new Float64Array(count);
  for (let i = 0; i < count; i++) for (const j of training) means[i]! += values[i * count + j]! / training.length;
  let whole = 0;
  for (const i of training) whole += means[i]! / training.length;
  const matrix = Matrix.zeros(rows.length, columns.length);
  for (const [r, i] of rows.entries()) {
    for (const [c, j] of columns.entries()) matrix.set(r, c, values[i * count + j]! - means[i]! - means[j]! + whole);
  }
  return matrix;
}

/** The principal axes of the training photographs, about their mean, but for those that hold next to nothing. */
export function subspaceOf(gram: Gram, training: readonly number[]): Subspace {
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(
    centred(gram, training, training, training),
    { assumeSymmetric: true },
  );
  const greatest = Math.max(...realEigenvalues);
  const order = [...realEigenvalues.keys()]
    .sort((a, b) => realEigenvalues[b]! - realEigenvalues[a]!)
    .filter((axis) => greatest > 1e-12 && realEigenvalues[axis]! > 1e-7 * greatest);
  const powers = order.map((axis) => realEigenvalues[axis]!);
  const projection = Matrix.zeros(training.length, order.length);
  for (const [c, axis] of order.entries()) {
    for (let r = 0; r < training.length; r++) {
      projection.set(r, c, eigenvectorMatrix.get(r, axis) / Math.sqrt(powers[c]!));
    }
  }
  return { coordinates: (photographs) => centred(gram, training, photographs, training).mmul(projection), powers };
}

/** How people differ from one another and from themselves, learnt from training photographs (two-covariance model). */
export interface PeopleModel {
  /** To coordinates in which a person varies by 1 along every axis, independently. */
  readonly project: (coordinates: Matrix) => Matrix;
  /** How much people differ along each of those axes. */
  readonly between: readonly number[];
}

/** Linear discriminants with a shrunken covariance within persons. `persons` names each row's person. */
export function peopleModelOf(rows: Matrix, persons: readonly number[]): PeopleModel {
  const axes = rows.columns;
  const byPerson = new Map<number, number[]>();
  for (const [row, person] of persons.entries()) byPerson.set(person, [...(byPerson.get(person) ?? []), row]);
  const residuals = rows.clone();
  const means = Matrix.zeros(byPerson.size, axes);
  for (const [index, members] of [...byPerson.values()].entries()) {
    for (let k = 0; k < axes; k++) {
      const mean = members.reduce((sum, row) => sum + rows.get(row, k), 0) / members.length;
      means.set(index, k, mean);
      for (const row of members) residuals.set(row, k, rows.get(row, k) - mean);
    }
  }
  const within = residuals
    .transpose()
    .mmul(residuals)
    .div(Math.max(1, rows.rows - byPerson.size));
  const average = within.trace() / axes;
  const shrink = 0.1;
  within.mul(1 - shrink).add(Matrix.eye(axes).mul(shrink * average + 1e-12));
  const lower = new CholeskyDecomposition(within).lowerTriangularMatrix;
  const whiten = (matrix: Matrix) => solveLower(lower, matrix.transpose()).transpose();
  const whiteMeans = whiten(means);
  const spread = whiteMeans.transpose().mmul(whiteMeans).div(Math.max(1, byPerson.size));
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(spread, { assumeSymmetric: true });
  const perPerson = rows.rows / byPerson.size;
  return {
    project: (coordinates) => whiten(coordinates).mmul(eigenvectorMatrix),
    // A mean of a few photographs still varies by its person's own 1 / perPerson.
    between: realEigenvalues.map((value) => Math.max(0, value - 1 / perPerson)),
  };
}

function solveLower(lower: Matrix, right: Matrix): Matrix {
  const solved = right.clone();
  for (let row = 0; row < lower.rows; row++) {
    for (let k = 0; k < row; k++) {
      const factor = lower.get(row, k);
      if (factor !== 0)
        for (let c = 0; c < solved.columns; c++) solved.set(row, c, solved.get(row, c) - factor * solved.get(k, c));
    }
    const pivot = lower.get(row, row);
    for (let c = 0; c < solved.columns; c++) solved.set(row, c, solved.get(row, c) / pivot);
  }
  return solved;
}

/** Cosines between the rows of two matrices; a row of no length is like none. */
export function cosines(probes: Matrix, gallery: Matrix): Float64Array[] {
  const [p, g] = [lengthsOf(probes), lengthsOf(gallery)];
  const products = probes.mmul(gallery.transpose());
  return p.map((length, row) =>
    Float64Array.from(g, (other, column) => products.get(row, column) / (length * other || 1)),
  );
}

/** Scores with mean 0 and spread 1 over the gallery, probe by probe: so that probes compare with one another. */
export function standardised(scores: readonly Float64Array[]): Float64Array[] {
  return scores.map((row) => {
    const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
    const spread = Math.sqrt(row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length);
    return row.map((value) => (spread > 0 ? (value - mean) / spread : 0));
  });
}

function lengthsOf(matrix: Matrix): number[] {
  return Array.from({ length: matrix.rows }, (_, row) => Math.hypot(...matrix.getRow(row)));
}

/** Log-likelihood ratios, less what is the same for all, that two rows show one person rather than two. */
export function likelihoods(probes: Matrix, gallery: Matrix, between: readonly number[]): Float64Array[] {
  const axes = [...between.keys()].filter((axis) => between[axis]! > 0);
  const square = axes.map((axis) => {
    const total = 1 + between[axis]!;
    return (total / (total * total - between[axis]! ** 2) - 1 / total) / 2;
  });
  const product = axes.map((axis) => between[axis]! / ((1 + between[axis]!) ** 2 - between[axis]! ** 2));
  const squares = (matrix: Matrix) =>
    Array.from({ length: matrix.rows }, (_, row) =>
      axes.reduce((sum, axis, index) => sum + square[index]! * matrix.get(row, axis) ** 2, 0),
    );
  const [p, g] = [squares(probes), squares(gallery)];
  return p.map((own, row) => {
    return Float64Array.from(g, (other, column) => {
      let sum = -own - other;
      for (const [index, axis] of axes.entries())
        sum += product[index]! * probes.get(row, axis) * gallery.get(column, axis);
      return sum;
    });
  });
}
