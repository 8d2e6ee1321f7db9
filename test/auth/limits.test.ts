import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createLimits } from "../../src/auth/limits.ts";
import { Problem } from "../../src/errors.ts";
import { eventually } from "../contracts/eventually.ts";
import { startRedis, withoutRedis } from "../fixtures/redis-server.ts";

const never = (problem: Problem) => assert.fail(problem.message);

async function refusedAfter(ask: () => Promise<void>, most: number): Promise<{ taken: number; retryAfter: number }> {
  for (let taken = 0; taken < most; taken++) {
    try {
      await ask();
    } catch (error) {
      assert.ok(error instanceof Problem && error.code === "too-many-requests", String(error));
      return { taken, retryAfter: error.retryAfter! };
    }
  }
  return { taken: most, retryAfter: 0 };
}

describe("limits", () => {
  test("each client and each address has so many requests a minute, and is told when to come again", async () => {
    const limits = await createLimits({ perClient: 3, perAddress: 5, onProblem: never });
    const { taken, retryAfter } = await refusedAfter(() => limits.client("key:a"), 10);
    assert.equal(taken, 3);
    assert.ok(retryAfter >= 50 && retryAfter <= 60, String(retryAfter));
    assert.equal((await refusedAfter(() => limits.client("key:b"), 10)).taken, 3);
    assert.equal((await refusedAfter(() => limits.address("192.0.2.1"), 10)).taken, 5);
    assert.equal((await refusedAfter(() => limits.address("192.0.2.2"), 10)).taken, 5);
  });

  test("failed logins wait twice as long each time, up to a quarter of an hour, and others do not", async () => {
    const limits = await createLimits({ perClient: 1, perAddress: 1, onProblem: never });
    const waits: number[] = [];
    for (let failure = 0; failure < 18; failure++) waits.push(await limits.failed("192.0.2.1"));
    assert.deepEqual(waits, [0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]);
    assert.ok((await limits.restSeconds("192.0.2.1")) > 890);
    assert.equal(await limits.restSeconds("192.0.2.2"), 0);
  });

  test("over Redis all processes count together, and each by itself while it is away", {
    skip: withoutRedis,
  }, async () => {
    await using server = await startRedis();
    const problems: Problem[] = [];
    const open = () =>
      createLimits({
        perClient: 4,
        perAddress: 9,
        redisUrl: `redis://127.0.0.1:${server.port}`,
        onProblem: (it) => problems.push(it),
      });
    const [one, two] = [await open(), await open()];
    try {
      for (const limits of [one, two, one, two]) await limits.client("key:a");
      assert.equal((await refusedAfter(() => one.client("key:a"), 2)).taken, 0);
      assert.equal((await refusedAfter(() => two.client("key:a"), 2)).taken, 0);
      await server.kill();
      assert.equal((await refusedAfter(() => one.client("key:b"), 9)).taken, 4);
      await eventually("it is told", async () => problems.length > 0);
      assert.ok(problems.every(({ message }) => /Each process counts for itself/.test(message)));
    } finally {
      await Promise.all([one.close(), two.close()]);
    }
  });
});
