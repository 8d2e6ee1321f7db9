import type { Pixels } from "../../core/detector.ts";
import type { Coefficients, Component } from "./coefficients.ts";
import { zigzag } from "./coefficients.ts";
import type { StoredWalk } from "./turn.ts";
import type { BlockSource } from "./write-jpeg.ts";

/** New coefficients for some blocks of a component. */
export interface Recoded {
  /** By the number of a stored block: which of `values` (times 64) stands for it; -1: it is kept. */
  readonly places: Int32Array;
  readonly values: Int16Array;
}

/** Red, green and blue of each component, and nothing of the level shift: JFIF 1.02. */
const weights: Record<Coefficients["colours"], readonly (readonly [number, number, number])[]> = {
  // All three are the same.
  grey: [[0, 1, 0]],
  ycc: [
    [0.299, 0.587, 0.114],
    [-0.168735892, -0.331264108, 0.5],
    [0.5, -0.418687589, -0.081312411],
  ],
  rgb: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
};

/** Makes the marked blocks of each component anew from upright pixels, and from nothing else. */
export function recodeBlocks(
  picture: Coefficients,
  touched: readonly Uint8Array[],
  pixels: Pixels,
  walk: StoredWalk,
): readonly Recoded[] {
  return picture.components.map((component, index) => {
    const marks = touched[index]!;
    const places = new Int32Array(marks.length).fill(-1);
    const values = new Int16Array(64 * marks.reduce((sum, mark) => sum + mark, 0));
    const weight = weights[picture.colours][index]!;
    // The level shift; chroma is about zero as it is.
    const shift = picture.colours === "ycc" && index > 0 ? 0 : 128;
    const samples = new Float64Array(64);
    let count = 0;
    for (let row = 0; row < component.down; row++) {
      for (let column = 0; column < component.across; column++) {
        const number = row * component.pitch + column;
        if (marks[number] === 0) continue;
        sample(samples, component, column, row, picture, pixels, walk, weight, shift);
        transform(samples);
        quantise(samples, component.steps, values, 64 * count);
        places[number] = count++;
      }
    }
    return { places, values };
  });
}

/** The recoded blocks where there are any, else those of the picture. */
export function blockSource({ components }: Coefficients, recoded: readonly Recoded[]): BlockSource {
  return (index, number, block) => {
    const { places, values } = recoded[index]!;
    const place = places[number]!;
    block.values = place < 0 ? components[index]!.values : values;
    block.at = 64 * (place < 0 ? number : place);
  };
}

/** The 64 samples of a block, each the mean of the pixels that it spans; beyond the border the last pixel goes on. */
function sample(
  samples: Float64Array,
  { spanX, spanY }: Component,
  column: number,
  row: number,
  { width, height }: Coefficients,
  { data, channels }: Pixels,
  { start, stepX, stepY }: StoredWalk,
  weight: readonly [number, number, number],
  shift: number,
): void {
  const area = spanX * spanY;
  for (let n = 0; n < 64; n++) {
    const left = (8 * column + (n & 7)) * spanX;
    const top = (8 * row + (n >> 3)) * spanY;
    let [red, green, blue] = [0, 0, 0];
    for (let y = top; y < top + spanY; y++) {
      const line = start + Math.min(y, height - 1) * stepY;
      for (let x = left; x < left + spanX; x++) {
        const at = channels * (line + Math.min(x, width - 1) * stepX);
        red += data[at]!;
        green += data[at + 1]!;
        blue += data[at + 2]!;
      }
    }
    samples[n] = (weight[0] * red + weight[1] * green + weight[2] * blue) / area - shift;
  }
}

/** Basis of the DCT: T.81, A.3.3. */
const basis = Float64Array.from({ length: 64 }, (_, n) => {
  const [u, x] = [n >> 3, n & 7];
  return (u === 0 ? Math.SQRT1_2 : 1) * 0.5 * Math.cos(((2 * x + 1) * u * Math.PI) / 16);
});
const half = new Float64Array(64);

/** Forward DCT in place. */
function transform(samples: Float64Array): void {
  for (let y = 0; y < 8; y++) {
    for (let u = 0; u < 8; u++) {
      let sum = 0;
      for (let x = 0; x < 8; x++) sum += samples[8 * y + x]! * basis[8 * u + x]!;
      half[8 * y + u] = sum;
    }
  }
  for (let v = 0; v < 8; v++) {
    for (let u = 0; u < 8; u++) {
      let sum = 0;
      for (let y = 0; y < 8; y++) sum += half[8 * y + u]! * basis[8 * v + y]!;
      samples[8 * v + u] = sum;
    }
  }
}

function quantise(samples: Float64Array, steps: Uint16Array, values: Int16Array, at: number): void {
  for (let k = 0; k < 64; k++) {
    const value = Math.round(samples[zigzag[k]!]! / steps[k]!);
    values[at + k] = Math.max(-1023, Math.min(1023, value));
  }
}
