import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createTurns } from "../../src/pipeline/turns.ts";

test("works run side by side, but one that wants to be alone waits for all and holds up all, even when it fails", async () => {
  const turns = createTurns();
  const now = new Set<string>();
  const seen: string[] = [];
  const work =
    (name: string, fails = false) =>
    async () => {
      now.add(name);
      for (let i = 0; i < 3; i++) await turn();
      seen.push([...now].sort().join("+"));
      now.delete(name);
      if (fails) throw new Error(name);
    };
  const all = await Promise.allSettled([
    turns.together(work("a")),
    turns.together(work("b", true)),
    turns.alone(work("X", true)),
    turns.together(work("c")),
    turns.alone(work("Y")),
    turns.together(work("d")),
  ]);
  assert.deepEqual(
    all.map(({ status }) => status === "fulfilled"),
    [true, false, false, true, true, true],
  );
  assert.equal(now.size, 0);
  const isAlone = (name: string) => seen.every((those) => those === name || !those.includes(name));
  assert.ok(isAlone("X") && isAlone("Y"), seen.join(" "));
  assert.ok(seen.includes("a+b"), seen.join(" "));
});
