import type { Pixels } from "../core/detector.ts";

/**
 * Blackens the colours of wholly transparent pixels, which nobody sees and any program brings back, in place; gives
 * what puts them back while no alpha has changed.
 */
export function clearHidden({ data, channels }: Pixels): () => void {
  if (channels === 3) return () => {};
  let count = 0;
  let coloured = false;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] !== 0) continue;
    count++;
    coloured ||= data[at] !== 0 || data[at + 1] !== 0 || data[at + 2] !== 0;
  }
  if (!coloured) return () => {};
  const colours = new Uint8Array(3 * count);
  for (let at = 0, to = 0; at < data.length; at += 4) {
    if (data[at + 3] !== 0) continue;
    for (let i = at; i < at + 3; i++) {
      colours[to++] = data[i]!;
      data[i] = 0;
    }
  }
  return () => {
    for (let at = 0, from = 0; at < data.length; at += 4) {
      if (data[at + 3] !== 0) continue;
      for (let i = at; i < at + 3; i++) data[i] = colours[from++]!;
    }
  };
}

/** Lossy codecs blur what is shown into its surroundings: within a block, of at most so many pixels a side. */
const block = 64;
/** Levels that a lossy codec may be wrong by where nothing is. */
const noise = 24;

/**
 * How many wholly transparent pixels differ from the one before them in their row: 0 where transparency hides no
 * picture. Of lossy files only blocks in which nothing is shown count, and clear differences.
 */
export function countHidden({ data, width, height, channels }: Pixels, lossy: boolean): number {
  if (channels === 3) return 0;
  const across = Math.ceil(width / block);
  const shown = new Uint8Array(across * Math.ceil(height / block));
  const blockOf = (x: number, y: number) => Math.floor(y / block) * across + Math.floor(x / block);
  if (lossy) {
    for (let y = 0, at = 3; y < height; y++)
      for (let x = 0; x < width; x++, at += 4) if (data[at] !== 0) shown[blockOf(x, y)] = 1;
  }
  const most = lossy ? noise : 0;
  let count = 0;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      if (x === 0 || data[at + 3] !== 0 || data[at - 1] !== 0) continue;
      if (lossy && (shown[blockOf(x, y)] === 1 || shown[blockOf(x - 1, y)] === 1)) continue;
      const differs = [0, 1, 2].some((i) => Math.abs(data[at + i]! - data[at + i - 4]!) > most);
      if (differs) count++;
    }
  }
  return count;
}
