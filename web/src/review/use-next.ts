import { useState } from "react";
import { useHeld } from "../api/reviews.ts";
import { reviewLink } from "../shell/view.ts";
import type { Look } from "./look.ts";

/** The next picture of the route that waits for a person. */
export interface Next {
  /** How many wait beside this one; undefined: more than were asked for. */
  readonly count: number | undefined;
  /** Opens it and looks at it: said by a person who knows that the look is recorded. */
  readonly go: () => void;
}

/** Which held picture comes after this one; undefined: none that was not passed already. */
export function useNext(id: string, route: string | undefined, look: Look): Next | undefined {
  const { data } = useHeld(route);
  const [passed, setPassed] = useState<readonly string[]>([]);
  const waiting = data?.reviews.filter((job) => job.id !== id && !passed.includes(job.id)) ?? [];
  const [first] = waiting;
  if (!first) return undefined;
  return {
    count: data?.next ? undefined : waiting.length,
    go: () => {
      setPassed([...passed, id]);
      look.open(first.id);
      location.hash = reviewLink(first.id);
    },
  };
}
