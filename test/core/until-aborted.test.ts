import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { unlessAborted, untilAborted } from "../../src/core/until-aborted.ts";

const reason = new Error("no more");
const isReason = (error: unknown) => error === reason;

describe("what a signal ends", () => {
  test("gives what it would have given, and leaves nobody listening", async () => {
    const { signal } = new AbortController();
    const items = async function* () {
      yield 1;
      yield 2;
    };
    assert.deepEqual(await Array.fromAsync(untilAborted(items(), signal)), [1, 2]);
    assert.equal(await unlessAborted(Promise.resolve("x"), signal), "x");
    await assert.rejects(unlessAborted(Promise.reject(reason), signal), isReason);
    assert.deepEqual(getEventListeners(signal, "abort"), []);
  });

  test("fails at once while its step goes on, and is closed when that has ended", async () => {
    const stop = new AbortController();
    const step = Promise.withResolvers<void>();
    let isClosed = false;
    const items = async function* () {
      try {
        yield 1;
        await step.promise;
        yield 2;
        assert.fail("it went on");
      } finally {
        isClosed = true;
      }
    };
    const given: number[] = [];
    const taking = (async () => {
      for await (const item of untilAborted(items(), stop.signal)) given.push(item);
    })();
    await turn();
    stop.abort(reason);
    await assert.rejects(taking, isReason);
    assert.deepEqual(given, [1]);
    assert.ok(!isClosed);
    step.resolve();
    await turn();
    assert.ok(isClosed);
  });

  test("fails unheard when its step fails after all", async () => {
    const signal = AbortSignal.abort(reason);
    const late = Promise.reject(new Error("the connection was lost"));
    await assert.rejects(unlessAborted(late, signal), isReason);
    const items = async function* () {
      await turn();
      throw new Error("the connection was lost");
      // biome-ignore lint/correctness/noUnreachable: it makes this a generator
      yield 1;
    };
    await assert.rejects(Array.fromAsync(untilAborted(items(), signal)), isReason);
    await turn();
    await turn();
  });

  test("is closed by whoever takes no more of it", async () => {
    let isClosed = false;
    const items = async function* () {
      try {
        while (true) yield 1;
      } finally {
        isClosed = true;
      }
    };
    for await (const _ of untilAborted(items(), new AbortController().signal)) break;
    assert.ok(isClosed);
  });
});
