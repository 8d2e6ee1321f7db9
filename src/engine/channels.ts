import { Problem } from "../errors.ts";

export interface Interleaved {
  readonly data: Buffer;
  readonly channels: 3 | 4;
}

/** Pixels of one to four channels as RGB, or as RGBA where the alpha hides something. Takes `data` over. */
export function rgbOrRgba(data: Buffer, channels: number): Interleaved {
  if (channels === 3) return { data, channels };
  if (channels === 4) return withoutIdleAlpha(data);
  if (channels !== 1 && channels !== 2) throw new Problem("unsupported", `unsupported: ${channels} colour channels`);
  const wide = channels === 1 ? 3 : 4;
  const count = data.length / channels;
  const expanded = Buffer.allocUnsafe(count * wide);
  for (let i = 0; i < count; i++) {
    expanded.fill(data[i * channels]!, i * wide, i * wide + 3);
    if (wide === 4) expanded[i * wide + 3] = data[i * channels + 1]!;
  }
  return wide === 4 ? withoutIdleAlpha(expanded) : { data: expanded, channels: wide };
}

/** Closes up the colours in place: an alpha that hides nothing would cost a copy of the picture in every later step. */
function withoutIdleAlpha(data: Buffer): Interleaved {
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) return { data, channels: 4 };
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    data[to] = data[from]!;
    data[to + 1] = data[from + 1]!;
    data[to + 2] = data[from + 2]!;
  }
  return { data: data.subarray(0, (data.length / 4) * 3), channels: 3 };
}
