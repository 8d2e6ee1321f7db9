import { headBytes, type ImageFormat, nameOf, recognise } from "../core/sniff.ts";
import { Problem } from "../errors.ts";
import { searchGif } from "./residue-gif.ts";
import { searchHeif } from "./residue-heif.ts";
import { searchJpeg } from "./residue-jpeg.ts";
import { searchPng } from "./residue-png.ts";
import { type Finding, type Part, type Search, startSearch } from "./residue-search.ts";
import { searchTiff } from "./residue-tiff.ts";
import { searchWebp } from "./residue-webp.ts";

/** What a file carries beside the picture that it shows. */
export interface Residue {
  readonly format: ImageFormat;
  /** Of an animation or document; those are shown, so they are no findings by themselves. */
  readonly frames: number;
  /** Whether pixels may be transparent, and so hide colours: only decoding tells. */
  readonly alpha: boolean;
  /** In the file's order. */
  readonly findings: readonly Finding[];
}

/**
 * Searches a file's structure, without decoding pixels, in time linear in its length, whatever its bytes are. Fails with
 * unsupported for what is none of veil's formats.
 */
export function residueOf(file: Buffer): Residue {
  const recognised = recognise(file.subarray(0, headBytes));
  if (recognised.kind !== "image") {
    throw new Problem("unsupported", `Expected a picture but received: ${nameOf(recognised)}`);
  }
  const { format } = recognised;
  const search = startSearch(file.length);
  const whole: Part = { bytes: file, offset: 0 };
  let facts: { readonly frames?: number; readonly alpha?: boolean } = {};
  try {
    facts = searchAs(format, whole, search) ?? {};
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "residue") throw error;
    search.add("damaged", whole, { detail: error.message });
  }
  return { format, frames: 1, alpha: false, ...facts, findings: tidy(search.findings) };
}

function searchAs(format: ImageFormat, file: Part, search: Search) {
  switch (format) {
    case "jpeg":
      return searchJpeg(file, search);
    case "png":
      return searchPng(file, search);
    case "webp":
      return searchWebp(file, search);
    case "gif":
      return searchGif(file, search);
    case "tiff":
      return searchTiff(file, search);
    case "avif":
    case "heic":
      return searchHeif(file, search);
    default:
      return format satisfies never;
  }
}

/** In order, and what was found by its first bytes alone left out where its place was known by name as well. */
function tidy(findings: readonly Finding[]): Finding[] {
  const named = new Set(findings.filter(isNamedPicture).map(({ offset }) => offset));
  const seen = new Set<string>();
  return findings
    .filter((finding) => {
      if (finding.kind === "embedded-picture" && named.has(finding.offset)) return false;
      const key = `${finding.kind} ${finding.offset} ${finding.length} ${finding.detail}`;
      return !seen.has(key) && seen.add(key);
    })
    .sort((a, b) => a.offset - b.offset || b.length - a.length);
}

function isNamedPicture({ kind, picture }: Finding): boolean {
  return picture && kind !== "embedded-picture";
}
