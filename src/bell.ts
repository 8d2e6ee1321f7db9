/** Wakes one waiting loop. A ring while nobody waits is kept for the next wait. */
export interface Bell {
  ring(): void;
  /** Resolves on a ring, after `ms` (may be Infinity), or when the signal aborts; never rejects. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export function createBell(): Bell {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      wake?.();
    },
    async wait(ms, signal) {
      if (!rung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = ms === Number.POSITIVE_INFINITY ? undefined : setTimeout(done, ms);
          signal.addEventListener("abort", done, { once: true });
          wake = done;

          function done(): void {
            clearTimeout(timer);
            signal.removeEventListener("abort", done);
            wake = undefined;
            resolve();
          }
        });
      }
      rung = false;
    },
  };
}
