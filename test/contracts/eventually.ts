import { setTimeout as sleep } from "node:timers/promises";

/** Asks again until the answer is truthy; fails with the sentence after `withinMs`. */
export async function eventually<T>(
  sentence: string,
  ask: () => T | Promise<T>,
  withinMs = 10_000,
): Promise<Exclude<T, false | undefined>> {
  const until = Date.now() + withinMs;
  while (true) {
    const answer = await ask();
    if (answer) return answer as Exclude<T, false | undefined>;
    if (Date.now() > until) throw new Error(`not within ${withinMs} ms: ${sentence}`);
    await sleep(10);
  }
}
