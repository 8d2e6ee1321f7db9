import type { ReactNode } from "react";
import classes from "./pill.module.css";

/** What moves, what went well, what a person should look at, what failed. */
export type Tone = "wait" | "work" | "good" | "bad" | "quiet" | "look";

/** A state in a word or two. */
export function Pill({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className={classes.pill} data-tone={tone}>
      {children}
    </span>
  );
}
