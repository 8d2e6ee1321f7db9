import { createHash } from "node:crypto";
import { Problem } from "../errors.ts";
import type { Policy } from "./policy.ts";
import type { Region } from "./region.ts";

/** Regions of one picture as the ledger keeps them beside a job's events. */
export interface KeptRegions {
  /** What the first look found; or all that a person decided on. */
  readonly first: readonly Region[];
  /** What only the second look found. */
  readonly second: readonly Region[];
  /** SHA-256 (hex) of the file that they were found in or decided on: they say nothing of any other one. */
  readonly of?: string;
}

/** All of them, for whoever masks. */
export function allOf({ first, second }: KeptRegions): readonly Region[] {
  return [...first, ...second];
}

/** What a policy masks of what was found. Fails with doubtful where the second look saw one more and the policy holds that. */
export function requireCertain(found: KeptRegions, { verify }: Pick<Policy, "verify">): readonly Region[] {
  const { first, second } = found;
  if (verify === "hold" && second.length > 0) {
    throw new Problem("doubtful", `A second look found ${second.length} more than the ${first.length} of the first`, {
      remedy: "Look at the picture yourself; with verify mask, what the second look finds is masked too.",
    });
  }
  return allOf(found);
}

/** Fails with changed-while-reading where the regions were found in, or decided on, another file than this one. */
export function requireOf({ of }: KeptRegions, sha256: string): void {
  if (of === sha256) return;
  throw new Problem("changed-while-reading", "The file is not the one that its regions were decided on", {
    remedy: "Nothing was masked or written: a person has to look at it again.",
  });
}

/** SHA-256 (hex) over what the regions say, however a ledger orders the fields of its JSON. */
export function regionsDigest({ first, second, of }: KeptRegions): string {
  const said = [first, second].map((regions) => regions.map(fieldsOf));
  return createHash("sha256")
    .update(JSON.stringify(of === undefined ? said : [...said, of]))
    .digest("hex");
}

function fieldsOf({ kind, box, score, keypoints, frame }: Region): readonly unknown[] {
  const { x, y, width, height } = box;
  return [kind, x, y, width, height, score, keypoints?.map((point) => [point.x, point.y]) ?? null, frame ?? null];
}
