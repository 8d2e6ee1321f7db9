import type { Card } from "./card.ts";

/** Something that got worse than it was when the baseline was accepted. */
export interface Alert {
  /** The slice's id; `truth` or `pictures` where that is what changed. */
  readonly slice: string;
  readonly message: string;
}

/** Whether two cards measured the same pictures against the same truth. */
export function isComparable({ truth: a }: Card, { truth: b }: Card): boolean {
  const keyOf = ({ files, sets, half, limit }: Card["truth"]) =>
    JSON.stringify([files.map(({ sha256 }) => sha256), sets, half, limit]);
  return keyOf(a) === keyOf(b);
}

/** What fell below the lower bound that the baseline recorded for it. */
export function alertsOf(card: Card, baseline: Card): Alert[] {
  const since = `the baseline of ${baseline.measuredAt.slice(0, 10)}`;
  if (!isComparable(card, baseline)) {
    const message = `The truth, or what was chosen of it, is another than that of ${since}, so nothing can be compared. Look at the new card and accept it.`;
    return [{ slice: "truth", message }];
  }
  const now = new Map(card.slices.map((slice) => [slice.id, slice]));
  const alerts = baseline.slices.flatMap(({ id, lowerBound }): Alert[] => {
    const recall = now.get(id)?.recall;
    if (recall !== undefined && recall >= lowerBound) return [];
    const received = recall === undefined ? "no face was measured" : `${percent(recall)} % of the faces were masked`;
    return [
      { slice: id, message: `${id}: ${received}, less than ${percent(lowerBound)} %, the lower bound of ${since}` },
    ];
  });
  const [failed, failedThen] = [card.notMeasured.length, baseline.notMeasured.length];
  if (failed > failedThen) {
    alerts.push({
      slice: "pictures",
      message: `${failed} pictures could not be measured, more than the ${failedThen} of ${since}`,
    });
  }
  return alerts;
}

function percent(share: number): string {
  return (100 * share).toFixed(1);
}
