import { coverOfPicture } from "../core/cover.ts";
import type { Pixels } from "../core/detector.ts";
import { faceWidthOf } from "../core/ellipse.ts";
import { maskFrame } from "../core/mask.ts";
import { strengths, styles } from "../core/policy.ts";
import type { Region } from "../core/region.ts";

/** A way of hiding a face that attackers are let loose on. */
export interface Operator {
  readonly name: string;
  /** `veil`: offered as anonymising; `reference`: what others do, or nothing at all, to show what attackers can do. */
  readonly kind: "veil" | "reference";
  /** The operator that hides as much and shows nothing: attackers may not do better than against it. */
  readonly floor?: string;
  /** In place. */
  readonly hide: (pixels: Pixels, region: Region) => void;
}

/** Every style and strength that veil calls anonymising. */
export const veilOperators: readonly Operator[] = styles.flatMap((style) =>
  strengths.map((strength) => ({
    name: `${style} ${strength}`,
    kind: "veil" as const,
    floor: `solid ${strength}`,
    hide: (pixels: Pixels, region: Region) => maskFrame(pixels, [region], { style, strength }),
  })),
);

/** No mask, and masks that others use, over the extent of veil's `standard` but for the bare box. */
export const referenceOperators: readonly Operator[] = [
  { name: "clear", kind: "reference", hide: () => undefined },
  gaussian(0.05),
  gaussian(0.1),
  gaussian(0.2),
  mosaic(12),
  mosaic(8),
  mosaic(4),
  { name: "solid, bare box", kind: "reference", hide: solidBox },
];

/** A plain Gaussian (three box blurs, as most programs make it), its deviation in widths of the detector's box. */
function gaussian(widths: number): Operator {
  return {
    name: `Gaussian ${widths} w`,
    kind: "reference",
    floor: "solid standard",
    hide(pixels, region) {
      const blurred = { ...pixels, data: pixels.data.slice() };
      const sigma = widths * faceWidthOf(region.box);
      const radius = Math.max(1, Math.round((Math.sqrt(4 * sigma * sigma + 1) - 1) / 2));
      for (let pass = 0; pass < 3; pass++) {
        for (let y = 0; y < pixels.height; y++) boxBlur(blurred, y * pixels.width, 1, pixels.width, radius);
        for (let x = 0; x < pixels.width; x++) boxBlur(blurred, x, pixels.width, pixels.height, radius);
      }
      lay(pixels, blurred, region);
    },
  };
}

/** A mosaic of the face itself, so many cells to the width of the detector's box. */
function mosaic(cells: number): Operator {
  return {
    name: `mosaic of the face, ${cells} cells`,
    kind: "reference",
    floor: "solid standard",
    hide(pixels, region) {
      const { box } = region;
      const side = faceWidthOf(box) / cells;
      const coarse = { ...pixels, data: pixels.data.slice() };
      const first = (start: number) => Math.floor(-start / side);
      for (let row = first(box.y); box.y + row * side < pixels.height; row++) {
        for (let column = first(box.x); box.x + column * side < pixels.width; column++) {
          flatten(coarse, box.x + column * side, box.y + row * side, side);
        }
      }
      lay(pixels, coarse, region);
    },
  };
}

/** The pixels of a square become their mean. */
function flatten({ data, width, height, channels }: Pixels, x: number, y: number, side: number): void {
  const left = Math.max(0, Math.round(x));
  const right = Math.min(width, Math.round(x + side));
  const top = Math.max(0, Math.round(y));
  const bottom = Math.min(height, Math.round(y + side));
  for (let k = 0; k < 3; k++) {
    let sum = 0;
    for (let v = top; v < bottom; v++) for (let u = left; u < right; u++) sum += data[(v * width + u) * channels + k]!;
    const mean = Math.round(sum / ((right - left) * (bottom - top)));
    for (let v = top; v < bottom; v++) for (let u = left; u < right; u++) data[(v * width + u) * channels + k] = mean;
  }
}

/** One line of pixels becomes the mean of those within `radius`; beyond its ends the last pixel goes on. */
function boxBlur({ data, channels }: Pixels, start: number, stride: number, length: number, radius: number): void {
  const line = new Uint8Array(length);
  const at = (index: number) => line[Math.min(length - 1, Math.max(0, index))]!;
  for (let k = 0; k < 3; k++) {
    for (let index = 0; index < length; index++) line[index] = data[(start + index * stride) * channels + k]!;
    let sum = 0;
    for (let index = -radius; index <= radius; index++) sum += at(index);
    for (let index = 0; index < length; index++) {
      data[(start + index * stride) * channels + k] = Math.round(sum / (2 * radius + 1));
      sum += at(index + radius + 1) - at(index - radius);
    }
  }
}

/** Puts what `from` shows into the ellipse that veil's `standard` hides. */
function lay(pixels: Pixels, from: Pixels, region: Region): void {
  const { data, width, height, channels } = pixels;
  const { values } = coverOfPicture(width, height, [region], { style: "solid", strength: "standard" });
  for (let pixel = 0; pixel < values.length; pixel++) {
    if (values[pixel] !== 255) continue;
    for (let k = 0; k < 3; k++) data[pixel * channels + k] = from.data[pixel * channels + k]!;
  }
}

function solidBox({ data, width, height, channels }: Pixels, { box }: Region): void {
  for (let y = Math.max(0, Math.floor(box.y)); y < Math.min(height, box.y + box.height); y++) {
    for (let x = Math.max(0, Math.floor(box.x)); x < Math.min(width, box.x + box.width); x++) {
      data.fill(46, (y * width + x) * channels, (y * width + x) * channels + 3);
    }
  }
}
