import { html, type Markup } from "./markup.ts";

export interface Series {
  /** Written at the line's end. */
  readonly name: string;
  /** A class of the page's style: `line-1`, `line-2` or `line-3`. */
  readonly style: string;
  readonly points: readonly { readonly x: number; readonly y: number; readonly title?: string }[];
  /** Whether each point has a dot of its own. */
  readonly dots?: boolean;
}

interface Tick {
  readonly at: number;
  readonly label: string;
}

export interface PlotOptions {
  readonly label: string;
  readonly series: readonly Series[];
  readonly x: { readonly from: number; readonly to: number; readonly ticks: readonly Tick[]; readonly title?: string };
  readonly y: { readonly from: number; readonly to: number; readonly ticks: readonly Tick[] };
  /** A vertical line with a word at its head. */
  readonly mark?: { readonly at: number; readonly label: string };
}

const size = { width: 560, height: 250 };
const edge = { left: 46, right: 92, top: 22, bottom: 38 };

/** Lines over a pair of axes, as an SVG that takes its colours from the page. */
export function linePlot({ label, series, x, y, mark }: PlotOptions): Markup {
  const [width, height] = [size.width - edge.left - edge.right, size.height - edge.top - edge.bottom];
  const across = (value: number) => round(edge.left + ((value - x.from) / (x.to - x.from || 1)) * width);
  const down = (value: number) => round(edge.top + height - ((value - y.from) / (y.to - y.from || 1)) * height);
  const [right, bottom] = [size.width - edge.right, size.height - edge.bottom];
  const labelled = apart(
    series.flatMap((one) => (one.points.length === 0 ? [] : [{ one, at: down(one.points.at(-1)!.y) }])),
  );
  return html`<svg class="plot" viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${label}">
    ${y.ticks.map(
      ({ at, label }) => html`<line class="grid" x1="${edge.left}" x2="${right}" y1="${down(at)}" y2="${down(at)}"/>
        <text class="tick" x="${edge.left - 8}" y="${down(at) + 4}" text-anchor="end">${label}</text>`,
    )}
    ${x.ticks.map(({ at, label }) => html`<text class="tick" x="${across(at)}" y="${bottom + 17}" text-anchor="middle">${label}</text>`)}
    <line class="axis" x1="${edge.left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>
    ${x.title !== undefined && html`<text class="tick" x="${(edge.left + right) / 2}" y="${size.height - 4}" text-anchor="middle">${x.title}</text>`}
    ${
      mark !== undefined &&
      html`<line class="mark" x1="${across(mark.at)}" x2="${across(mark.at)}" y1="${edge.top - 6}" y2="${bottom}"/>
        <text class="mark-label" x="${across(mark.at)}" y="${edge.top - 10}" text-anchor="middle">${mark.label}</text>`
    }
    ${series.map(({ points, style }) => html`<polyline class="line ${style}" points="${points.map((point) => `${across(point.x)},${down(point.y)}`).join(" ")}"/>`)}
    ${series.map(({ points, style, dots }) =>
      points.map(
        (
          point,
        ) => html`<circle class="${dots ? "dot" : "spot"} ${style}" cx="${across(point.x)}" cy="${down(point.y)}" r="${dots ? 3.5 : 7}">
          <title>${point.title ?? ""}</title></circle>`,
      ),
    )}
    ${labelled.map(({ one, at }) => html`<text class="name ${one.style}" x="${right + 8}" y="${at + 4}">${one.name}</text>`)}
  </svg>`;
}

/** Names that would lie on one another, moved apart; as far as they are few. */
function apart<T extends { readonly at: number }>(labels: readonly T[]): T[] {
  const sorted = labels.toSorted((a, b) => a.at - b.at);
  const lowest = size.height - edge.bottom;
  const placed: T[] = [];
  for (const label of sorted) placed.push({ ...label, at: Math.max(label.at, (placed.at(-1)?.at ?? -20) + 15) });
  const over = Math.max(0, (placed.at(-1)?.at ?? 0) - lowest);
  return placed.map((label) => ({ ...label, at: label.at - over }));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
