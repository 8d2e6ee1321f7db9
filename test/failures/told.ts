import assert from "node:assert/strict";
import { type Problem, type ProblemCode, toProblem } from "../../src/errors.ts";
import type { Store } from "../../src/stores/store.ts";
import { bodyOf, keysOf, read } from "../contracts/store.ts";

export interface Expected {
  /** What the message names: at least the store. */
  readonly names: readonly string[];
  /** What is to be done about it; absent: nothing need be said. */
  readonly remedy?: RegExp;
  /** What must stand nowhere. */
  readonly secrets?: readonly string[];
}

/** For `assert.rejects`: a problem of that code that names what it should, and shows no secret. */
export function told(code: ProblemCode, { names, remedy, secrets = [] }: Expected) {
  return (error: unknown) => {
    const problem = error as Problem;
    assert.equal(problem.code, code, `${problem.stack}\n${(problem.cause as Error | undefined)?.stack}`);
    for (const name of names) assert.ok(problem.message.includes(name), `${problem.message} does not name ${name}`);
    if (remedy !== undefined) assert.match(problem.remedy ?? "", remedy);
    const all = [problem.message, problem.remedy, problem.stack, JSON.stringify(problem)].join();
    for (const secret of secrets) assert.ok(!all.includes(secret), "a secret is shown");
    return true;
  };
}

/** All that is asked of a store, at one key. */
export function verbsOf(store: Store, key: string): Readonly<Record<string, () => Promise<unknown>>> {
  return {
    get: () => read(store, key),
    head: () => store.head(key),
    put: () => store.put(key, bodyOf("new"), { contentType: "image/jpeg" }),
    remove: () => store.remove(key),
    list: () => keysOf(store),
  };
}

/** How long it took to fail, and with what. */
export async function failing(
  work: () => Promise<unknown>,
): Promise<{ readonly problem: Problem; readonly ms: number }> {
  const start = performance.now();
  try {
    await work();
  } catch (error) {
    return { problem: toProblem(error), ms: performance.now() - start };
  }
  throw new assert.AssertionError({ message: "it did not fail" });
}
