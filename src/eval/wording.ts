import type { Card } from "./card.ts";
import type { Slice } from "./slices.ts";

/** A share as a percentage with one decimal. */
export function percent(share: number): string {
  return (100 * share).toFixed(1);
}

/** A slice's leak rate with its exact 95 % bounds, percent. */
export function leakRate({ recall, lowerBound, upperBound }: Slice): { rate: string; from: string; to: string } {
  return { rate: percent(1 - recall), from: percent(1 - upperBound), to: percent(1 - lowerBound) };
}

/** What a dimension is called in reports. */
export const dimensionNames: Readonly<Record<string, string>> = {
  all: "All faces",
  height: "Height of the face",
  level: "WIDER FACE's level, each with those before it",
  blur: "Blur",
  occlusion: "Occlusion",
  pose: "Pose",
  illumination: "Illumination",
  label: "Label",
  crowd: "Faces in the picture",
  set: "Set of pictures",
  tag: "Tag of the picture",
  category: "Category of the picture",
};

/** A slice's name in reports. */
export function sliceName({ dimension, name }: Pick<Slice, "dimension" | "name">): string {
  const words = name
    .replace(/^>=/, "≥ ")
    .replace(/^<=/, "≤ ")
    .replace(/^([<>])(\d)/, "$1 $2")
    .replace(/^(\d+)-(\d+)$/, "$1–$2");
  if (dimension === "all") return "All faces";
  return dimension === "height" ? `${words} px` : words.replaceAll("_", " ");
}

/** What was measured, in a line. */
export function aboutOf({ detector, policy, minScore, truth }: Card): string {
  const { sets, half, limit } = truth;
  return [
    `${detector.name}, profile ${policy.profile}, ${minScore === null ? "scores of each detector's own" : `score from ${Number(minScore.toFixed(3))}`}`,
    `${policy.style} ${policy.strength}`,
    ...(policy.lossless ? ["lossless"] : []),
    ...(policy.turns === undefined ? [] : [policy.turns ? "with turns" : "without turns"]),
    ...(policy.implausible === "keep" ? ["implausible regions kept"] : []),
    ...(policy.verify === undefined || policy.verify === "off" ? [] : [`second look: ${policy.verify}`]),
    `${number(truth.pictures)} pictures, ${number(truth.faces)} faces`,
    ...(sets ? [`only ${sets.join(", ")}`] : []),
    ...(half ? [`the ${half} half`] : []),
    ...(limit === undefined ? [] : [`limited to ${limit}`]),
  ].join(" · ");
}

/** With separators between thousands. */
export function number(value: number, digits = 0): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
