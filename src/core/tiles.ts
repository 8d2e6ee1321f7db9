/** A part of a picture for one run of a network; both sides are multiples of 32 and may reach past the picture. */
export interface Tile {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** The part, in pixels of the tile, whose answers count: neighbours see the rest with more around it. */
  readonly keep: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };
}

/** What the network's sides must be divisible by: its coarsest features are 32 pixels apart. */
const step = 32;

/**
 * Tiles of at most `maxSide` that cover the picture; each place is kept by exactly one tile and seen with at least
 * `margin` pixels around it, where the picture has them. Both numbers are multiples of 32.
 */
export function planTiles(width: number, height: number, maxSide: number, margin: number): Tile[] {
  const across = spans(width, maxSide, margin);
  return spans(height, maxSide, margin).flatMap((row) =>
    across.map((column) => ({
      x: column.start,
      y: row.start,
      width: column.end - column.start,
      height: row.end - row.start,
      keep: {
        left: column.keepStart - column.start,
        top: row.keepStart - row.start,
        right: column.keepEnd - column.start,
        bottom: row.keepEnd - row.start,
      },
    })),
  );
}

interface Span {
  readonly start: number;
  readonly end: number;
  readonly keepStart: number;
  readonly keepEnd: number;
}

function spans(length: number, maxLength: number, margin: number): Span[] {
  const whole = toStep(length);
  if (whole <= maxLength) return [{ start: 0, end: whole, keepStart: 0, keepEnd: whole }];
  const wanted = Math.ceil(whole / (maxLength - 2 * margin));
  const kept = toStep(whole / wanted);
  return Array.from({ length: Math.ceil(whole / kept) }, (_, index) => {
    const keepStart = index * kept;
    const keepEnd = Math.min(whole, keepStart + kept);
    return { start: Math.max(0, keepStart - margin), end: Math.min(whole, keepEnd + margin), keepStart, keepEnd };
  });
}

function toStep(length: number): number {
  return Math.ceil(length / step) * step;
}
