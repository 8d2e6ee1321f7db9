/** Works that run side by side, and works that run alone. */
export interface Turns {
  together<T>(work: () => Promise<T>): Promise<T>;
  /** Waits until all that runs has ended, and holds up all that comes. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  const running = new Set<Promise<unknown>>();
  let gate: Promise<unknown> | undefined;
  return {
    async together(work) {
      while (gate !== undefined) await gate;
      const mine = work();
      const ended = mine.catch(() => {}); // its own caller hears of its failure
      running.add(ended);
      try {
        return await mine;
      } finally {
        running.delete(ended);
      }
    },
    async alone(work) {
      const before = gate;
      const mine = (async () => {
        await before;
        await Promise.all(running);
        return work();
      })();
      const passed = mine.then(
        () => {},
        () => {},
      );
      gate = passed;
      try {
        return await mine;
      } finally {
        if (gate === passed) gate = undefined;
      }
    },
  };
}
