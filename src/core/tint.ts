import type { Mask } from "./cover.ts";
import type { Ellipse } from "./ellipse.ts";
import type { Field, Tone } from "./grid.ts";
import { cellsOf } from "./grid.ts";

/** How much of the tone shows where it is strongest. */
const strength = 0.8;
/** Radii of the tint in half widths and half heights of the face box, and the share of them at full tint. */
const radii = { x: 1.75, y: 1.6 };
const core = 0.25;

/** Lays each mask's tone over the field, fading outwards; tones of faces side by side flow into one another. */
export function tint(field: Field, masks: readonly Mask[], tones: readonly Tone[]): void {
  const { columns, cell, values } = field;
  const cells = values.length / 3;
  const bare = new Float32Array(cells).fill(1);
  const weights = new Float32Array(cells);
  const sums = new Float32Array(3 * cells);
  for (const [index, mask] of masks.entries()) {
    const tone = tones[index]!;
    const ellipse = tintOf(mask);
    const { left, top, right, bottom } = cellsOf(field, ellipse, 1);
    for (let row = top; row < bottom; row++) {
      const dy = (field.top + (row + 0.5) * cell - ellipse.cy) / ellipse.ry;
      for (let column = left; column < right; column++) {
        const dx = (field.left + (column + 0.5) * cell - ellipse.cx) / ellipse.rx;
        const weight = strength * ease((1 - Math.sqrt(dx * dx + dy * dy)) / (1 - core));
        if (weight <= 0) continue;
        const at = row * columns + column;
        bare[at]! *= 1 - weight;
        weights[at]! += weight;
        for (let k = 0; k < 3; k++) sums[3 * at + k]! += weight * tone[k]!;
      }
    }
  }
  for (let at = 0; at < cells; at++) {
    if (weights[at] === 0) continue;
    for (let k = 0; k < 3; k++) {
      const tone = sums[3 * at + k]! / weights[at]!;
      values[3 * at + k] = tone + (values[3 * at + k]! - tone) * bare[at]!;
    }
  }
}

function tintOf({ box }: Mask): Ellipse {
  return {
    cx: box.x + box.width / 2,
    cy: box.y + box.height / 2,
    rx: Math.max(1, (radii.x * box.width) / 2),
    ry: Math.max(1, (radii.y * box.height) / 2),
  };
}

/** From 0 to 1 without a corner at either end. */
function ease(t: number): number {
  const x = Math.min(1, Math.max(0, t));
  return x * x * x * (x * (6 * x - 15) + 10);
}
