import type { Card } from "./card.ts";
import { aboutOf, dimensionNames, leakRate, number, percent, sliceName } from "./wording.ts";

/** A card as Markdown, for a terminal or a page of documentation. */
export function markdownOf(card: Card): string {
  const { falseRegions, area, cpuMs, truth, notMeasured, minScore } = card;
  const slices = card.slices.filter(({ dimension }) => dimension !== "category");
  const lines = [`# Leak-rate card`, "", aboutOf(card), ""];
  if (slices.length > 0) {
    lines.push(
      "| faces | | number | leaked | 95 % bounds | still visible, leaked or masked |",
      "| --- | --- | ---: | ---: | ---: | ---: |",
    );
    let last = "";
    for (const slice of slices) {
      const { rate, from, to } = leakRate(slice);
      const { judged, leakedVisible, maskedVisible } = slice.pixels;
      const group = slice.dimension === last ? "" : (dimensionNames[slice.dimension] ?? slice.dimension);
      const pixels = judged === 0 ? "–" : `${leakedVisible + maskedVisible} of ${judged}`;
      const name = slice.dimension === "all" ? "" : cell(sliceName(slice));
      lines.push(`| ${cell(group)} | ${name} | ${number(slice.faces)} | ${rate} % | ${from} – ${to} | ${pixels} |`);
      last = slice.dimension;
    }
    lines.push("");
  }
  lines.push("| pictures | number | false regions a picture |", "| --- | ---: | ---: |");
  for (const { set, pictures, perPicture } of falseRegions) {
    lines.push(`| ${cell(set)} | ${number(pictures)} | ${perPicture.toFixed(2)} |`);
  }
  const changed =
    area.changedPerLabelled === null ? "" : `, ${area.changedPerLabelled.toFixed(1)} times the labelled faces' area`;
  lines.push(
    "",
    `Masks change ${percent(area.maskedShare)} % of a picture on average${changed}.`,
    `Processor time a picture: ${cpuMs.detect.mean.toFixed(0)} ms to detect, ${cpuMs.whole.mean.toFixed(0)} ms in all.`,
  );
  const shown = card.curve.filter(
    ({ minScore: at }) => at === minScore || [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7].includes(at),
  );
  lines.push(
    "",
    "| score from | leaked | of 32 px and more | false regions a picture |",
    "| ---: | ---: | ---: | ---: |",
  );
  for (const { minScore: at, recall, falseRegionsPerPicture } of shown) {
    const large = recall.from32 === null ? "–" : `${percent(1 - recall.from32)} %`;
    const score = at === minScore ? `**${Number(at.toFixed(3))}**` : Number(at.toFixed(3));
    lines.push(`| ${score} | ${percent(1 - recall.all)} % | ${large} | ${falseRegionsPerPicture.toFixed(2)} |`);
  }
  if (truth.facesNotCounted > 0)
    lines.push(
      "",
      `${number(truth.facesNotCounted)} labelled faces do not count (invalid, to be ignored, or outside the picture).`,
    );
  for (const note of truth.notes) lines.push("", note);
  if (notMeasured.length > 0) {
    lines.push("", `${notMeasured.length} pictures could not be measured, and their faces do not count:`, "");
    for (const { file, code, message } of notMeasured) lines.push(`- ${cell(file)}: ${code}: ${message}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Names come from outside: one must not end a cell or a line. */
function cell(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, "?").replaceAll("|", "\\|");
}
