import type { ProblemCode } from "../errors.ts";

/** What a check found: fine, worth knowing, or in the way. */
export interface Finding {
  readonly mark: "ok" | "note" | "fault";
  readonly text: string;
  /** For a fault. */
  readonly code?: ProblemCode;
}

/** With the name of the check. */
export interface NamedFinding extends Finding {
  readonly name: string;
}

export const ok = (text: string): Finding => ({ mark: "ok", text });
export const note = (text: string): Finding => ({ mark: "note", text });
