/** So many stretches are named; a list of a hundred frames helps nobody. */
const most = 4;

/** Frames as people count them, from one: [1, 2, 3, 7] is "2–4, 8". */
export function frameRanges(frames: readonly number[]): string {
  const stretches: { from: number; to: number }[] = [];
  for (const frame of [...frames].sort((a, b) => a - b)) {
    const last = stretches.at(-1);
    if (last && frame <= last.to + 1) last.to = frame;
    else stretches.push({ from: frame, to: frame });
  }
  const words = stretches.map(({ from, to }) => (from === to ? `${from + 1}` : `${from + 1}–${to + 1}`));
  return words.length > most ? `${words.slice(0, most).join(", ")} …` : words.join(", ");
}
