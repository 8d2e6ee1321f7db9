import { createHash } from "node:crypto";
import type { Region } from "./region.ts";

/** Regions of one picture as the ledger keeps them beside a job's events. */
export interface KeptRegions {
  /** What the first look found; or all that a person decided on. */
  readonly first: readonly Region[];
  /** What only the second look found. */
  readonly second: readonly Region[];
}

/** All of them, for whoever masks. */
export function allOf({ first, second }: KeptRegions): readonly Region[] {
  return [...first, ...second];
}

/** SHA-256 (hex) over what the regions say, however a ledger orders the fields of its JSON. */
export function regionsDigest({ first, second }: KeptRegions): string {
  const said = [first, second].map((regions) => regions.map(fieldsOf));
  return createHash("sha256").update(JSON.stringify(said)).digest("hex");
}

function fieldsOf({ kind, box, score, keypoints, frame }: Region): readonly unknown[] {
  const { x, y, width, height } = box;
  return [kind, x, y, width, height, score, keypoints?.map((point) => [point.x, point.y]) ?? null, frame ?? null];
}
