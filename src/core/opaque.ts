import type { Pixels } from "./detector.ts";

/**
 * Pictures without transparency that together show all that a viewer could get to see: the colours with alpha
 * dropped, for whoever strips it, and, where alpha hides something, the picture over mid grey.
 */
export function opaqueViews(pixels: Pixels): readonly Pixels[] {
  if (pixels.channels === 3) return [pixels];
  const { data, width, height } = pixels;
  const count = width * height;
  const colours = new Uint8Array(count * 3);
  let opaque = true;
  for (let from = 0, to = 0; to < colours.length; from += 4, to += 3) {
    colours[to] = data[from]!;
    colours[to + 1] = data[from + 1]!;
    colours[to + 2] = data[from + 2]!;
    if (data[from + 3] !== 255) opaque = false;
  }
  const plain: Pixels = { data: colours, width, height, channels: 3 };
  return opaque ? [plain] : [plain, { data: overGrey(data, count), width, height, channels: 3 }];
}

const grey = 128;

function overGrey(data: Uint8Array, count: number): Uint8Array {
  const mixed = new Uint8Array(count * 3);
  for (let from = 0, to = 0; to < mixed.length; from += 4, to += 3) {
    const alpha = data[from + 3]! / 255;
    mixed[to] = grey + (data[from]! - grey) * alpha;
    mixed[to + 1] = grey + (data[from + 1]! - grey) * alpha;
    mixed[to + 2] = grey + (data[from + 2]! - grey) * alpha;
  }
  return mixed;
}
