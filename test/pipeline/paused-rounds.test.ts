import assert from "node:assert/strict";
import { test } from "node:test";
import { createPausedRounds } from "../../src/pipeline/paused-rounds.ts";

const minute = 60_000;

test("a paused route's job goes round less and less often, up to ten minutes, and a resumed route is forgotten", () => {
  const paused = ["ward"];
  let now = 0;
  const pausedMs = createPausedRounds(
    () => paused,
    () => now,
  );
  const rounds: number[] = [];
  for (let round = 0; round < 8; round++) {
    const restMs = pausedMs("ward")!;
    rounds.push(restMs / minute);
    now += restMs;
  }
  assert.deepEqual(rounds, [1, 1, 2, 4, 8, 10, 10, 10]);
  assert.equal(pausedMs("folder"), undefined);
  paused.push("folder");
  assert.equal(pausedMs("folder"), minute, "a pause of its own");
  paused.shift();
  assert.equal(pausedMs("ward"), undefined);
  paused.push("ward");
  assert.equal(pausedMs("ward"), minute, "a new pause begins anew");
});
