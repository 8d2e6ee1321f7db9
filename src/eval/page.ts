import type { Alert } from "./alerts.ts";
import { isComparable } from "./alerts.ts";
import type { Card } from "./card.ts";
import type { LeakPicture } from "./leak-album.ts";
import { html, type Markup, raw } from "./markup.ts";
import { curvePlots, sliceTable, trendPlots } from "./page-parts.ts";
import { pageStyle } from "./page-style.ts";
import { aboutOf, leakRate, number, percent } from "./wording.ts";

export interface PageOptions {
  readonly card: Card;
  /** The worst leaks; none: the page shows nobody. */
  readonly pictures: readonly LeakPicture[];
  /** Kept results, oldest first: the trend of those that are comparable. */
  readonly kept: readonly Card[];
  readonly alerts: readonly Alert[];
}

/**
 * A card as one HTML page that needs nothing else: no script, no network. With `pictures` it shows unmasked faces, so
 * whoever writes it keeps it from others.
 */
export function pageOf({ card, pictures, kept, alerts }: PageOptions): string {
  const trend = kept.filter((other) => isComparable(card, other));
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>veil: leak-rate card</title>
<style>${raw(pageStyle)}</style>
</head>
<body>
<main>
<h1>Leak-rate card</h1>
<p class="soft">${aboutOf(card)}<br>Measured ${card.measuredAt.slice(0, 16).replace("T", " ")} UTC with veil ${card.veil}</p>
${alerts.length > 0 && alertsPart(alerts)}
${pictures.length > 0 && peoplePart(pictures.length)}
${tiles(card)}
<section>
<h2>Where faces leak</h2>
<p class="soft">The dot is the share that leaked, the bar its exact 95&nbsp;% bounds. A wide bar means few faces, not a good result.</p>
${sliceTable(card.slices.filter(({ dimension }) => dimension !== "category"))}
${categories(card)}
</section>
<section>
<h2>If the score threshold moved</h2>
<p class="soft">A lower threshold hides more faces, and more of what is none.${card.minScore !== null && " The dashed line is where this card was measured."}</p>
${curvePlots(card)}
</section>
${trend.length > 1 && html`<section><h2>Over time</h2><p class="soft">The kept results on the same pictures.</p>${trendPlots(trend)}</section>`}
${sidePart(card)}
${pictures.length > 0 && albumPart(card, pictures)}
${notMeasuredPart(card)}
${reading}
<footer>Detector ${card.detector.name} ${card.detector.digest.slice(0, 16)} · truth ${card.truth.files
    .map(({ name, sha256 }) => `${name} ${sha256.slice(0, 16)}`)
    .join(", ")} · ${card.schema}</footer>
</main>
</body>
</html>
`;
  return page.markup;
}

function alertsPart(alerts: readonly Alert[]): Markup {
  return html`<section class="alert" role="alert"><h2>Worse than the accepted baseline</h2>
    <ul>${alerts.map(({ message }) => html`<li>${message}</li>`)}</ul></section>`;
}

function peoplePart(count: number): Markup {
  return html`<section class="alert"><strong>This file shows ${count} unmasked ${count === 1 ? "face" : "faces"}.</strong>
    Keep it as you keep the photographs: do not send it, publish it or put it into a repository; delete it when you have seen it.</section>`;
}

function tiles({ slices, falseRegions, cpuMs }: Card): Markup {
  const leak = (id: string, title: string, first = false) => {
    const slice = slices.find((one) => one.id === id);
    if (slice === undefined) return undefined;
    const { rate, from, to } = leakRate(slice);
    return html`<div class="tile${first && " first"}"><span>${title}</span><b>${rate} %</b>
      <span>${from} – ${to} %</span><span>${number(slice.leaks)} of ${number(slice.faces)}</span></div>`;
  };
  const every = falseRegions[0];
  return html`<div class="tiles">
    ${leak("all", "Faces leaked", true)}
    ${leak("height>=16", "of 16 px and more")}
    ${leak("height>=32", "of 32 px and more")}
    ${leak("height>=64", "of 64 px and more")}
    <div class="tile"><span>False regions</span><b>${(every?.perPicture ?? 0).toFixed(2)}</b><span>a picture</span><span>${number(every?.regions ?? 0)} in ${number(every?.pictures ?? 0)}</span></div>
    <div class="tile"><span>Processor time</span><b>${number(cpuMs.whole.mean)} ms</b><span>a picture</span><span>${number(cpuMs.detect.mean)} ms to detect</span></div>
  </div>`;
}

function categories({ slices }: Card): Markup | undefined {
  const rows = slices.filter(({ dimension }) => dimension === "category");
  if (rows.length === 0) return undefined;
  return html`<details><summary>${rows.length} categories of pictures</summary>${sliceTable(rows)}</details>`;
}

function sidePart({ falseRegions, area, cpuMs }: Card): Markup {
  const changed = area.changedPerLabelled;
  return html`<section><h2>What it costs</h2>
    <p>Masks change <b>${percent(area.maskedShare)} %</b> of a picture on average${
      changed !== null &&
      html`: <b>${changed.toFixed(1)} times</b> the area of the labelled faces, because a mask also hides hair, ears and forehead`
    }. Detection takes ${number(cpuMs.detect.mean)} ms of processor time (95 % of the pictures: up to ${number(cpuMs.detect.p95)} ms),
    everything from file to file ${number(cpuMs.whole.mean)} ms (up to ${number(cpuMs.whole.p95)} ms).</p>
    <div class="scroll" tabindex="0" role="group" aria-label="False regions by set"><table><thead><tr><th scope="col">Regions that touch no labelled face</th><th scope="col">pictures</th><th scope="col">regions</th><th scope="col">a picture</th></tr></thead>
    <tbody>${falseRegions.map(
      ({ set, pictures, regions, perPicture }) =>
        html`<tr><th scope="row">${set === "all" ? "All sets" : set.replaceAll("_", " ")}</th><td>${number(pictures)}</td><td>${number(regions)}</td><td>${perPicture.toFixed(2)}</td></tr>`,
    )}</tbody></table></div></section>`;
}

function albumPart(card: Card, pictures: readonly LeakPicture[]): Markup {
  return html`<section class="worst"><h2>The largest faces that leaked</h2>
    <p class="soft">As the output shows them. <strong>These people are not masked.</strong></p>
    <div class="album">${pictures.map(({ file, box, jpeg }) => {
      const known = card.worst.find((one) => one.file === file && one.box.x === box.x && one.box.y === box.y);
      const upTo = known?.maskedUpTo ?? 0;
      const hint = upTo > 0 ? `masked below a threshold of ${upTo.toFixed(2)}` : "masked at no threshold";
      return html`<figure><img alt="A face of ${Math.round(box.height)} pixels that leaked" src="data:image/jpeg;base64,${jpeg.toString("base64")}">
        <figcaption>${Math.round(box.width)} × ${Math.round(box.height)} px, ${percent(known?.covered ?? 0)} % masked; ${hint}<br>${file}</figcaption></figure>`;
    })}</div></section>`;
}

function notMeasuredPart({ notMeasured, truth }: Card): Markup | undefined {
  if (notMeasured.length === 0 && truth.notes.length === 0 && truth.facesNotCounted === 0) return undefined;
  return html`<section><h2>Not in these numbers</h2><ul>
    ${truth.facesNotCounted > 0 && html`<li>${number(truth.facesNotCounted)} labelled faces that do not count: invalid, to be ignored, or outside the picture.</li>`}
    ${truth.notes.map((note) => html`<li>${note}</li>`)}
    ${notMeasured.map(({ file, code, message }) => html`<li class="bad">${file} could not be measured (${code}): ${message}</li>`)}
  </ul></section>`;
}

const reading = html`<section><h2>How to read it</h2><dl>
  <dt>Leak</dt><dd>A labelled face of which less than 95 % of the ellipse inscribed in its box lies under masks at full strength, in the file that veil wrote.</dd>
  <dt>Still visible</dt><dd>What the pixels alone say: the face's local detail in the output agrees with the original's (correlation of at least 0.3,
  at 15 % of its contrast; from 0.75 on at any contrast). Faces below 16 px, and those without detail, can't be judged so. A face that is masked and still visible points to a fault of the mask, or
  shows through the twentieth of it that may stay uncovered.</dd>
  <dt>False region</dt><dd>A mask whose region touches no labelled face, counted or not. Where a set does not label every face, some of them are faces.</dd>
  <dt>95 % bounds</dt><dd>Clopper and Pearson's exact two-sided interval. It speaks of pictures like these; of other pictures it says nothing.</dd>
</dl></section>`;
