import { type Problem, toProblem } from "../errors.ts";

/** Lets work through while it succeeds. After a failure it is left alone for a while, then tried once. */
export interface Circuit {
  readonly isOpen: boolean;
  /** What the work gives; undefined where it failed or was not tried. Never rejects. */
  attempt<T>(work: () => Promise<T>): Promise<{ readonly value: T } | undefined>;
}

export interface CircuitOptions {
  readonly retryAfterMs: number;
  now(): number;
  /** Told once when work begins to fail, and once, with nothing, when it succeeds again. */
  onChange(problem: Problem | undefined): void;
}

export function createCircuit({ retryAfterMs, now, onChange }: CircuitOptions): Circuit {
  let open = false;
  let triedAt = 0;
  return {
    get isOpen() {
      return open;
    },
    async attempt(work) {
      if (open && now() < triedAt + retryAfterMs) return undefined;
      triedAt = now();
      try {
        const value = await work();
        if (open) onChange(undefined);
        open = false;
        return { value };
      } catch (error) {
        triedAt = now();
        if (!open) onChange(toProblem(error));
        open = true;
        return undefined;
      }
    },
  };
}
