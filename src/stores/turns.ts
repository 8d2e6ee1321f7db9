/** Lets one after another do its last step at a key: for servers that look and write in two steps. */
export interface Turns {
  /** Answers how to end the turn. */
  take(key: string): Promise<() => void>;
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<void>>();

  return {
    async take(key) {
      const before = last.get(key);
      const { promise: mine, resolve } = Promise.withResolvers<void>();
      last.set(key, mine);
      await before;
      return () => {
        resolve();
        if (last.get(key) === mine) last.delete(key);
      };
    },
  };
}
