import type { Box } from "../core/region.ts";

export const grades = {
  blur: ["clear", "normal", "heavy"],
  occlusion: ["none", "partial", "heavy"],
  pose: ["typical", "atypical"],
  illumination: ["normal", "extreme"],
} as const;

/** WIDER FACE's levels, each with the faces of those before it. */
export const levels = ["easy", "medium", "hard"] as const;

/** A labelled face. One that does not count is neither a leak nor makes a region on it a false one. */
export interface TrueFace {
  /** In pixels of the file as stored. */
  readonly box: Box;
  readonly counts: boolean;
  readonly blur?: (typeof grades.blur)[number];
  readonly occlusion?: (typeof grades.occlusion)[number];
  readonly pose?: (typeof grades.pose)[number];
  readonly illumination?: (typeof grades.illumination)[number];
  readonly level?: (typeof levels)[number];
  readonly label?: string;
}

/** A picture with all that its truth says of it. */
export interface TruePicture {
  /** As the truth names it: a relative path with slashes. */
  readonly file: string;
  /** Where the truth names it, for example `truth.jsonl:12`. */
  readonly where: string;
  readonly set: string;
  readonly width?: number;
  readonly height?: number;
  /** What happens in it, for example `0--Parade`. */
  readonly category?: string;
  /** Words of the truth's author, for example `children`; each is a slice. */
  readonly tags: readonly string[];
  readonly faces: readonly TrueFace[];
}

/** What one truth says; `faults` are sentences that begin with the place, `notes` what its reader ought to know. */
export interface ParsedTruth {
  readonly pictures: readonly TruePicture[];
  readonly faults: readonly string[];
  readonly notes: readonly string[];
}
