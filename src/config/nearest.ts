/** The known name that an unknown one probably means, if any is within a few typing errors of it. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: { readonly name: string; readonly steps: number } | undefined;
  for (const candidate of known) {
    const whole = distance(plain(name), plain(candidate));
    const ends = distance(plain(lastOf(name)), plain(lastOf(candidate))) + 0.5;
    const steps = Math.min(whole, ends);
    if (steps <= 3 && steps < (best?.steps ?? Number.POSITIVE_INFINITY)) best = { name: candidate, steps };
  }
  return best?.name;
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, "");
}

/** Edit distance: insertions, deletions and replacements. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
