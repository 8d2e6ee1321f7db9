const shortestMs = 60_000;
/** A broker keeps a copy of the job for each round; as long may pass after the end of a pause. */
const longestMs = 600_000;

/**
 * For a queue that can't tell routes apart: when it may lend a job of that route again, in milliseconds; undefined: the
 * route is not paused. As long as the pause has lasted, so that each round of a job is twice as long as the one before.
 */
export function createPausedRounds(
  paused: () => readonly string[],
  now: () => number,
): (route: string) => number | undefined {
  const since = new Map<string, number>();
  return (route) => {
    const names = paused();
    for (const name of since.keys()) if (!names.includes(name)) since.delete(name);
    for (const name of names) if (!since.has(name)) since.set(name, now());
    const begun = since.get(route);
    return begun === undefined ? undefined : Math.min(longestMs, Math.max(shortestMs, now() - begun));
  };
}
