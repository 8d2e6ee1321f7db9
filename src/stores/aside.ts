import { createHash } from "node:crypto";
import { Problem, toProblem } from "../errors.ts";
import type { ListOptions } from "./store.ts";

/**
 * Where a version of a file lies while it is removed: beside its place, with its ending. A removal that is asked for
 * again finds there what the one before has left.
 */
export function asideOf(key: string, version: string): string {
  const [, start = key, ending = ""] = /^(.*[^/])(\.[^./]+)$/s.exec(key) ?? [];
  return `${start}~removing-${createHash("sha256").update(version).digest("hex").slice(0, 8)}${ending}`;
}

/** The name that a file which lies aside had; undefined: it has its own. */
export function ownNameOf(key: string): string | undefined {
  if (!key.includes("~removing-")) return undefined;
  const [, start, ending = ""] = /^(.*[^/])~removing-[0-9a-f]{8}(\.[^./]+)?$/s.exec(key) ?? [];
  return start === undefined ? undefined : `${start}${ending}`;
}

export interface AsidesOptions {
  /** What the store is called. */
  readonly name: string;
  /** Gives a file that lies aside its own name again. Problem: `already-exists` where another file has that. Absent: nothing is renamed here. */
  readonly putBack?: (aside: string, own: string) => Promise<void>;
  /** Told what became of each file that a dead removal has left, or what somebody has to do about it. */
  readonly onProblem: (problem: Problem) => void;
}

export interface Asides {
  /** One look at all that is there. */
  look(options?: ListOptions): AsideLook;
}

export interface AsideLook {
  /** A file lies aside, which is never an object of its own. */
  meet(aside: string, own: string): Promise<void>;
  /** The look has come to its end. */
  end(): void;
}

/** For how long a file lies aside before its removal counts as dead: one takes seconds, and a job whose own died comes again sooner. */
export const deadAfterMs = 300_000;

/**
 * What listings do with files that lie aside: those of removals that are alive are left to them, those that two looks so
 * far apart have met get their own names again. One whose name another file has by now stays, until that is gone.
 */
export function createAsides({ name, putBack, onProblem }: AsidesOptions): Asides {
  /** When each was met first, by our own clock: a renaming changes no time that every server tells. */
  let since = new Map<string, number>();

  async function putRight(aside: string, own: string): Promise<Problem> {
    const [left, wanted] = [JSON.stringify(aside), JSON.stringify(own)];
    if (putBack === undefined) {
      const detail = `A removal that died left ${left} in ${name}, and veil renames nothing here: name it ${wanted} again`;
      return new Problem("invalid-request", detail);
    }
    try {
      await putBack(aside, own);
      return new Problem(
        "not-found",
        `A removal that died left ${wanted} in ${name} as ${left}: it has its name again`,
      );
    } catch (error) {
      const problem = toProblem(error);
      if (problem.code !== "already-exists") return problem;
      const detail = `A removal that died left ${left} in ${name}, and another file is ${wanted} by now: rename or remove one of them`;
      return new Problem("already-exists", detail);
    }
  }

  return {
    look({ onUnknown } = {}) {
      const met = new Map<string, number>();
      return {
        async meet(aside, own) {
          // Its original is not gone.
          onUnknown?.(own);
          const now = performance.now();
          const first = since.get(aside) ?? now;
          met.set(aside, first);
          if (putBack === undefined || now - first >= deadAfterMs) onProblem(await putRight(aside, own));
        },
        end() {
          since = met;
        },
      };
    },
  };
}
