import type { JobBody, JobsResponse } from "../../../src/http/schema.ts";
import type { Tone } from "../shell/pill.tsx";

type State = JobBody["state"];

/** What the folder's jobs are sorted into for a person, and the states behind each. */
export const groups = {
  all: [],
  waiting: ["admitted", "failed"],
  working: ["started"],
  done: ["done"],
  failed: ["dead"],
  skipped: ["skipped"],
  held: ["held"],
} as const satisfies Record<string, readonly State[]>;

export type Group = keyof typeof groups;

/** How many jobs are in a group. */
export function countOf(group: Group, counts: JobsResponse["counts"]): number {
  if (group === "all") return Object.values(counts).reduce((sum, count) => sum + count, 0);
  return groups[group].reduce((sum, state) => sum + (counts[state] ?? 0), 0);
}

/** How a state looks: what moves, what went well, what needs a person. */
export const tones: Record<State, Tone> = {
  admitted: "wait",
  started: "work",
  failed: "look",
  done: "good",
  skipped: "quiet",
  held: "look",
  dead: "bad",
  superseded: "quiet",
  redriven: "quiet",
  approved: "quiet",
  rejected: "quiet",
  copied: "quiet",
  removed: "quiet",
  expired: "quiet",
};
