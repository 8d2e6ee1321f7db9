import type { Pixels } from "./detector.ts";

/**
 * Pictures without transparency that together show all that a viewer could get to see: the colours with alpha
 * dropped, for whoever strips it, and, where alpha hides something, the picture over mid grey. Each is good until the
 * next one is asked for, which takes its memory over: a view that is used too late has no pixels.
 */
export function* opaqueViews(pixels: Pixels): Generator<Pixels> {
  if (pixels.channels === 3) {
    yield pixels;
    return;
  }
  const { width, height } = pixels;
  const data = colours(pixels.data, new Uint8Array(width * height * 3));
  yield { data, width, height, channels: 3 };
  if (!hides(pixels.data)) return;
  const memory = new Uint8Array(data.buffer.transfer());
  yield { data: overGrey(pixels.data, memory), width, height, channels: 3 };
}

const grey = 128;

function hides(rgba: Uint8Array): boolean {
  for (let at = 3; at < rgba.length; at += 4) if (rgba[at] !== 255) return true;
  return false;
}

function colours(rgba: Uint8Array, plain: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  for (let from = 0, to = 0; to < plain.length; from += 4, to += 3) {
    plain[to] = rgba[from]!;
    plain[to + 1] = rgba[from + 1]!;
    plain[to + 2] = rgba[from + 2]!;
  }
  return plain;
}

function overGrey(rgba: Uint8Array, mixed: Uint8Array): Uint8Array {
  for (let from = 0, to = 0; to < mixed.length; from += 4, to += 3) {
    const alpha = rgba[from + 3]! / 255;
    mixed[to] = grey + (rgba[from]! - grey) * alpha;
    mixed[to + 1] = grey + (rgba[from + 1]! - grey) * alpha;
    mixed[to + 2] = grey + (rgba[from + 2]! - grey) * alpha;
  }
  return mixed;
}
