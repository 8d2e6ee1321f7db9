import type { Pixels } from "./detector.ts";
import type { Tone } from "./grid.ts";
import type { Box } from "./region.ts";

/** What stands in for a face: four warm tones, dark to light. Chosen by eye; the choice is all a mask keeps of a face. */
const palette: readonly Tone[] = [
  [60, 45, 39],
  [118, 89, 75],
  [186, 149, 129],
  [228, 199, 182],
];

/** The same for everyone: where nothing of a face may decide, or the picture shows nothing of it. */
const anyone: Tone = [150, 119, 103];

/** The tone for a face of a mean luma of 0 to 255, as one of four; of an unknown luma, the tone that is the same for all. */
export function toneFor(luma: number | undefined): Tone {
  if (luma === undefined) return anyone;
  return palette[Math.min(palette.length - 1, Math.max(0, luma >> 6))]!;
}

/** A tone with all of its colour for `warmth` 1, down to the grey of the same luma for 0. */
export function warmed([red, green, blue]: Tone, warmth: number): Tone {
  const luma = lumaOf(red, green, blue);
  return [luma + (red - luma) * warmth, luma + (green - luma) * warmth, luma + (blue - luma) * warmth];
}

/** Luma of the BT.601 weights in 256ths, on integers for integers: the same on every machine. */
export function lumaOf(red: number, green: number, blue: number): number {
  return Math.floor((77 * red + 150 * green + 29 * blue) / 256);
}

/** Samples along the longer side at most: more would not change two bits. */
const samples = 96;

/** Mean luma (whole number) of the middle of a face box, weighted by alpha; undefined where the picture shows nothing. */
export function faceLuma({ data, width, height, channels }: Pixels, box: Box): number | undefined {
  const left = Math.max(0, Math.floor(box.x + box.width / 5));
  const right = Math.min(width, Math.ceil(box.x + (box.width * 4) / 5));
  const top = Math.max(0, Math.floor(box.y + box.height / 5));
  const bottom = Math.min(height, Math.ceil(box.y + (box.height * 4) / 5));
  const step = Math.max(1, Math.floor(Math.max(right - left, bottom - top) / samples));
  let sum = 0;
  let weight = 0;
  for (let y = top; y < bottom; y += step) {
    for (let x = left; x < right; x += step) {
      const at = (y * width + x) * channels;
      const alpha = channels === 4 ? data[at + 3]! : 255;
      sum += lumaOf(data[at]!, data[at + 1]!, data[at + 2]!) * alpha;
      weight += alpha;
    }
  }
  return weight === 0 ? undefined : Math.floor(sum / weight);
}
