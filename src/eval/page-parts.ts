import type { Card } from "./card.ts";
import { html, type Markup } from "./markup.ts";
import { linePlot, type Series } from "./plots.ts";
import type { Slice } from "./slices.ts";
import { dimensionNames, leakRate, number, percent, sliceName } from "./wording.ts";

/** Slices by dimension, each with its share and bounds as a drawing and in numbers. */
export function sliceTable(slices: readonly Slice[]): Markup {
  const groups = Map.groupBy(slices, ({ dimension }) => dimension);
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Faces by kind"><table>
    <thead><tr><th scope="col">Faces</th><th scope="col">number</th><th scope="col" class="bar"><span class="scale"><span>0</span><span>leaked, %</span><span>100</span></span></th>
      <th scope="col">leaked</th><th scope="col">95 % bounds</th><th scope="col">masked yet visible, of those judged</th></tr></thead>
    <tbody>${[...groups].map(([dimension, rows]) => [
      rows.length === 1 && dimension === "all"
        ? undefined
        : html`<tr class="group"><th scope="rowgroup" colspan="6">${dimensionNames[dimension] ?? dimension}</th></tr>`,
      ...rows.map(sliceRow),
    ])}</tbody></table></div>`;
}

function sliceRow(slice: Slice): Markup {
  const { rate, from, to } = leakRate(slice);
  const { judged, leakedVisible, maskedVisible } = slice.pixels;
  const left = (text: string) => `left:${text}%`;
  return html`<tr><th scope="row">${sliceName(slice)}</th><td>${number(slice.faces)}</td>
    <td class="bar"><div class="track" aria-hidden="true"><i style="${left(from)};width:${(Number(to) - Number(from)).toFixed(1)}%"></i><b style="${left(rate)}"></b></div></td>
    <td>${rate} %</td><td>${from} – ${to}</td>
    <td title="${judged} faces can be judged by their pixels; ${leakedVisible} leaks are visible">${judged === 0 ? "–" : maskedVisible === 0 ? `0 of ${number(judged)}` : html`<span class="bad">${maskedVisible} of ${number(judged)}</span>`}</td></tr>`;
}

const percentTicks = [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, label: `${100 * at}` }));

/** Leak rate and false regions over the score threshold. */
export function curvePlots({ curve, minScore }: Card): Markup {
  const from = curve[0]?.minScore ?? 0;
  const x = {
    ...{ from, to: 1, title: "score from" },
    ticks: [0, 0.2, 0.4, 0.6, 0.8, 1].filter((at) => at >= from).map((at) => ({ at, label: at.toFixed(1) })),
  };
  const mark = minScore === null ? {} : { mark: { at: minScore, label: `${Number(minScore.toFixed(3))}` } };
  const leaks = (name: string, style: string, read: (point: Card["curve"][number]) => number | null): Series => ({
    ...{ name, style },
    points: curve.flatMap((point) => {
      const recall = read(point);
      if (recall === null) return [];
      return [
        { x: point.minScore, y: 1 - recall, title: `score from ${point.minScore}: ${percent(1 - recall)} % leaked` },
      ];
    }),
  });
  const most = Math.max(1, ...curve.map(({ falseRegionsPerPicture }) => falseRegionsPerPicture));
  const { top, ticks } = niceScale(most);
  const falses: Series = {
    ...{ name: "false", style: "line-f" },
    points: curve.map(({ minScore: at, falseRegionsPerPicture: y }) => ({
      ...{ x: at, y },
      title: `score from ${at}: ${y.toFixed(2)} false regions a picture`,
    })),
  };
  return html`<div class="pair">
    <figure><figcaption>Faces leaked, %</figcaption>${linePlot({
      label: "Share of faces leaked over the score threshold",
      series: [
        leaks("all", "line-1", ({ recall }) => recall.all),
        leaks("≥ 16 px", "line-2", ({ recall }) => recall.from16),
        leaks("≥ 32 px", "line-3", ({ recall }) => recall.from32),
      ].filter(({ points }) => points.length > 0),
      ...{ x, y: { from: 0, to: 1, ticks: percentTicks }, ...mark },
    })}</figure>
    <figure><figcaption>False regions a picture</figcaption>${linePlot({
      label: "False regions a picture over the score threshold",
      series: [falses],
      ...{ x, y: { from: 0, to: top, ticks }, ...mark },
    })}</figure></div>`;
}

/** The kept results over time: leak rate by size, and false regions. */
export function trendPlots(cards: readonly Card[]): Markup {
  const timeOf = ({ measuredAt }: Card) => Date.parse(measuredAt);
  const [first, last] = [cards[0]!, cards.at(-1)!];
  const x = {
    ...{ from: timeOf(first), to: timeOf(last) },
    ticks: [first, last].map((card) => ({ at: timeOf(card), label: card.measuredAt.slice(0, 10) })),
  };
  const leaks = (name: string, style: string, id: string): Series => ({
    ...{ name, style, dots: true },
    points: cards.flatMap((card) => {
      const slice = card.slices.find((one) => one.id === id);
      if (slice === undefined) return [];
      const title = `${card.measuredAt.slice(0, 16)}, veil ${card.veil}, ${card.detector.name}: ${percent(1 - slice.recall)} %`;
      return [{ x: timeOf(card), y: 1 - slice.recall, title }];
    }),
  });
  const perPicture = (card: Card) => card.falseRegions[0]?.perPicture ?? 0;
  const { top, ticks } = niceScale(Math.max(1, ...cards.map(perPicture)));
  const falses = cards.map((card) => ({
    x: timeOf(card),
    y: perPicture(card),
    title: `${card.measuredAt.slice(0, 16)}: ${perPicture(card).toFixed(2)}`,
  }));
  return html`<div class="pair">
    <figure><figcaption>Faces leaked, %</figcaption>${linePlot({
      label: "Share of faces leaked over time",
      series: [
        leaks("all", "line-1", "all"),
        leaks("≥ 16 px", "line-2", "height>=16"),
        leaks("≥ 32 px", "line-3", "height>=32"),
      ].filter(({ points }) => points.length > 0),
      ...{ x, y: { from: 0, to: 1, ticks: percentTicks } },
    })}</figure>
    <figure><figcaption>False regions a picture</figcaption>${linePlot({
      label: "False regions a picture over time",
      series: [{ name: "false", style: "line-f", points: falses, dots: true }],
      ...{ x, y: { from: 0, to: top, ticks } },
    })}</figure></div>`;
}

/** Round numbers from 0 to at least `most`. */
function niceScale(most: number): { top: number; ticks: { at: number; label: string }[] } {
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough)!;
  const count = Math.ceil(most / step);
  return {
    top: count * step,
    ticks: Array.from({ length: count + 1 }, (_, index) => ({
      at: index * step,
      label: `${Number((index * step).toPrecision(3))}`,
    })),
  };
}
