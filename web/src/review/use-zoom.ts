import { type RefObject, useLayoutEffect, useRef, useState } from "react";

/** A place in a picture: 0 to 1 of its width and height. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

const steps = [1, 2, 4, 8] as const;

export interface Zoom {
  /** How many times as large as it fits. */
  readonly times: number;
  /** Absent: it is as large or as small as it gets. */
  readonly nearer?: () => void;
  readonly farther?: () => void;
}

/**
 * How large the picture in a scrolling stage is. The middle of what was in sight stays there; with a `place`, that is
 * what it goes to, and what is brought into sight when it changes.
 */
export function useZoom(stage: RefObject<HTMLElement | null>, place: Place | undefined): Zoom {
  const [step, setStep] = useState(0);
  const middle = useRef<Place>({ x: 0.5, y: 0.5 });
  const times = steps[step]!;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the stage's own size changes with the zoom
  useLayoutEffect(() => centreOn(stage.current, middle.current), [stage, times]);

  const [x, y] = [place?.x, place?.y];
  useLayoutEffect(() => {
    if (x !== undefined && y !== undefined && !isInSight(stage.current, { x, y })) centreOn(stage.current, { x, y });
  }, [stage, x, y]);

  const go = (next: number) => () => {
    middle.current = place ?? middleOf(stage.current);
    setStep(next);
  };
  return {
    times,
    ...(step + 1 < steps.length && { nearer: go(step + 1) }),
    ...(step > 0 && { farther: go(step - 1) }),
  };
}

function middleOf(stage: HTMLElement | null): Place {
  if (!stage) return { x: 0.5, y: 0.5 };
  const { scrollLeft, scrollTop, clientWidth, clientHeight, scrollWidth, scrollHeight } = stage;
  return { x: (scrollLeft + clientWidth / 2) / scrollWidth, y: (scrollTop + clientHeight / 2) / scrollHeight };
}

function isInSight(stage: HTMLElement | null, { x, y }: Place): boolean {
  if (!stage) return true;
  const [left, top] = [x * stage.scrollWidth - stage.scrollLeft, y * stage.scrollHeight - stage.scrollTop];
  return left >= 0 && left <= stage.clientWidth && top >= 0 && top <= stage.clientHeight;
}

function centreOn(stage: HTMLElement | null, { x, y }: Place): void {
  if (!stage) return;
  stage.scrollLeft = x * stage.scrollWidth - stage.clientWidth / 2;
  stage.scrollTop = y * stage.scrollHeight - stage.clientHeight / 2;
}
