import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createSerial } from "../../src/core/serial.ts";

test("works of one key never overlap, works of two keys do, and a failure holds nobody up", async () => {
  const serial = createSerial();
  const running = new Map<string, number>();
  let together = 0;
  const work = (key: string, fails = false) =>
    serial.run(key, async () => {
      running.set(key, (running.get(key) ?? 0) + 1);
      assert.equal(running.get(key), 1, `${key} overlaps itself`);
      together = Math.max(
        together,
        [...running.values()].reduce((sum, count) => sum + count),
      );
      await sleep(5);
      running.set(key, 0);
      if (fails) throw new Error("as asked");
      return key;
    });
  const results = await Promise.allSettled([work("a", true), work("a"), work("b"), work("a"), work("b")]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["rejected", "fulfilled", "fulfilled", "fulfilled", "fulfilled"],
  );
  assert.equal(together, 2);
});
