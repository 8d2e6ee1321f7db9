import { clustersOf } from "../core/cluster.ts";
import { type Look, masksOf } from "../core/cover.ts";
import type { Pixels } from "../core/detector.ts";
import type { Bounds } from "../core/ellipse.ts";
import type { Region } from "../core/region.ts";

/**
 * Remembers the pixels that `maskFrame` may change, and gives what puts them back: so that a picture is masked in place
 * and can be rendered again, without a copy of the whole. Fails with invalid-request on a box that is none.
 */
export function remember(pixels: Pixels, regions: readonly Region[], look: Look): () => void {
  const { width, height } = pixels;
  const reach = clustersOf(masksOf(regions, look), width, height).map(({ bounds }) => bounds);
  const area = reach.reduce((sum, { left, top, right, bottom }) => sum + (right - left) * (bottom - top), 0);
  // The bounds of a crowd overlap; never keep more than the picture.
  const kept = area < width * height ? reach : [{ left: 0, top: 0, right: width, bottom: height }];
  const copies = kept.map((bounds) => ({ bounds, copy: cut(pixels, bounds) }));
  return () => {
    for (const { bounds, copy } of copies) {
      let from = 0;
      for (const row of rowsOf(pixels, bounds)) {
        row.set(copy.subarray(from, from + row.length));
        from += row.length;
      }
    }
  };
}

function cut(pixels: Pixels, bounds: Bounds): Uint8Array {
  const { left, top, right, bottom } = bounds;
  const copy = new Uint8Array((right - left) * (bottom - top) * pixels.channels);
  let to = 0;
  for (const row of rowsOf(pixels, bounds)) {
    copy.set(row, to);
    to += row.length;
  }
  return copy;
}

function* rowsOf({ data, width, channels }: Pixels, { left, top, right, bottom }: Bounds): Generator<Uint8Array> {
  for (let y = top; y < bottom; y++) {
    yield data.subarray((y * width + left) * channels, (y * width + right) * channels);
  }
}
