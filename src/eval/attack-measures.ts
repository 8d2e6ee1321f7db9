/** Successes of so many trials, with the exact (Clopper-Pearson) 95 % bounds of their share, 0 to 1. */
export interface Share {
  readonly hits: number;
  readonly trials: number;
  readonly share: number;
  readonly low: number;
  readonly high: number;
}

/** The share of `hits` in `trials` and its bounds. */
export function shareOf(hits: number, trials: number): Share {
  return {
    hits,
    trials,
    share: trials === 0 ? 0 : hits / trials,
    low: hits === 0 ? 0 : bisect((p) => 1 - cumulative(hits - 1, trials, p) > 0.025),
    high: hits >= trials ? 1 : bisect((p) => cumulative(hits, trials, p) <= 0.025),
  };
}

/** How many probes score their own gallery entry (of the same number) highest; a tie of k counts for one probe in k. */
export function rankOne(scores: readonly Float64Array[]): number {
  let hits = 0;
  for (const [probe, row] of scores.entries()) {
    const own = row[probe]!;
    let tied = 0;
    let before = 0;
    let beaten = false;
    for (let other = 0; other < row.length; other++) {
      if (row[other]! > own) beaten = true;
      if (row[other] !== own) continue;
      if (other < probe) before++;
      tied++;
    }
    // Which of the tied is named depends on the probe alone, as a guess would.
    if (!beaten && before === (probe * 7919) % tied) hits++;
  }
  return hits;
}

/** The chance that a probe scores its own gallery entry higher than somebody's: area under the ROC curve. */
export function areaUnderCurve(scores: readonly Float64Array[]): number {
  const others: number[] = [];
  for (const [probe, row] of scores.entries()) {
    for (let other = 0; other < row.length; other++) if (other !== probe) others.push(row[other]!);
  }
  if (others.length === 0) return 0.5;
  const sorted = Float64Array.from(others).sort();
  let sum = 0;
  for (const [probe, row] of scores.entries()) {
    sum += (firstAbove(sorted, row[probe]!, false) + firstAbove(sorted, row[probe]!, true)) / 2;
  }
  return sum / (sorted.length * scores.length);
}

/** How many of `sorted` are below the value, or not above it. */
function firstAbove(sorted: Float64Array, value: number, orEqual: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value || (orEqual && sorted[middle] === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The chance of at most k successes in n trials of chance p. */
function cumulative(k: number, n: number, p: number): number {
  if (p <= 0) return 1;
  if (p >= 1) return k >= n ? 1 : 0;
  let log = n * Math.log1p(-p);
  let sum = Math.exp(log);
  for (let i = 1; i <= k; i++) {
    log += Math.log((n - i + 1) / i) + Math.log(p) - Math.log1p(-p);
    sum += Math.exp(log);
  }
  return Math.min(1, sum);
}

/** The least p from 0 to 1 that fulfils a condition which, once fulfilled, stays so. */
function bisect(holds: (p: number) => boolean): number {
  let low = 0;
  let high = 1;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}
