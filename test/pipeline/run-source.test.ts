import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Problem } from "../../src/errors.ts";
import { runSource } from "../../src/pipeline/run-source.ts";
import type { Arrival, Source } from "../../src/sources/source.ts";
import { eventually } from "../contracts/eventually.ts";

const batchOf = (...keys: string[]): readonly Arrival[] => keys.map((key) => ({ key, version: "1" }));

/** Announces batches like a message queue would: what is not acknowledged is given back and announced again. */
function inboxSource(batches: readonly (readonly Arrival[])[]) {
  const left = [...batches];
  const acknowledged: string[] = [];
  let givenBack = 0;
  const source: Source = {
    name: "inbox",
    route: "folder",
    async *arrivals() {
      for (let batch = left[0]; batch !== undefined; batch = left[0]) {
        let isDurable = false;
        try {
          yield batch;
          isDurable = true;
          acknowledged.push(...batch.map(({ key }) => key));
          left.shift();
        } finally {
          if (!isDurable) givenBack += 1;
        }
      }
    },
  };
  return { source, acknowledged, givenBack: () => givenBack };
}

describe("running a source", () => {
  test("acknowledges a batch by asking for the next one, once it is admitted and not before", async () => {
    const inbox = inboxSource([batchOf("a", "b"), batchOf("c")]);
    const admitted: string[] = [];
    await runSource({
      source: inbox.source,
      async admit(arrivals) {
        assert.deepEqual(inbox.acknowledged, admitted);
        admitted.push(...arrivals.map(({ key }) => key));
      },
      signal: new AbortController().signal,
      onProblem: assert.fail,
    });
    assert.deepEqual(inbox.acknowledged, ["a", "b", "c"]);
    assert.equal(inbox.givenBack(), 0);
  });

  test("gives a batch back that could not be admitted, tells why, and takes it again after a rest that grows", async () => {
    const inbox = inboxSource([batchOf("a"), batchOf("b")]);
    const problems: Problem[] = [];
    const attempts: number[] = [];
    await runSource({
      source: inbox.source,
      async admit() {
        attempts.push(Date.now());
        if (attempts.length <= 3) throw new Error("the ledger is away");
      },
      signal: new AbortController().signal,
      onProblem: (problem) => problems.push(problem),
      restMs: 40,
    });
    assert.deepEqual(inbox.acknowledged, ["a", "b"]);
    assert.equal(inbox.givenBack(), 3);
    assert.deepEqual(
      problems.map(({ message }) => message),
      Array(3).fill("the ledger is away"),
    );
    const rests = attempts.slice(1, 4).map((at, index) => at - attempts[index]!);
    for (const [index, restMs] of [40, 80, 160].entries()) assert.ok(rests[index]! >= restMs - 2, `${rests}`);
  });

  test("tells a source that fails by itself, and begins it again", async () => {
    const problems: Problem[] = [];
    let begun = 0;
    const source: Source = {
      name: "shaky",
      route: "folder",
      async *arrivals() {
        begun += 1;
        if (begun < 3) throw new Error("no line");
        yield batchOf("a");
      },
    };
    const admitted: Arrival[] = [];
    await runSource({
      source,
      admit: async (arrivals) => admitted.push(...arrivals),
      signal: new AbortController().signal,
      onProblem: (problem) => problems.push(problem),
      restMs: 5,
    });
    assert.equal(problems.length, 2);
    assert.equal(admitted.length, 1);
  });

  test("waits for room before it admits, and keeps the batch meanwhile", async () => {
    const inbox = inboxSource([batchOf("a"), batchOf("b")]);
    const admitted: string[] = [];
    let makeRoom = () => {};
    const room = new Promise<void>((resolve) => {
      makeRoom = resolve;
    });
    const running = runSource({
      source: inbox.source,
      admit: async (arrivals) => admitted.push(...arrivals.map(({ key }) => key)),
      room: { wait: () => room },
      signal: new AbortController().signal,
      onProblem: assert.fail,
    });
    await sleep(30);
    assert.deepEqual([admitted, inbox.acknowledged, inbox.givenBack()], [[], [], 0]);
    makeRoom();
    await running;
    assert.deepEqual(inbox.acknowledged, ["a", "b"]);
  });

  test("gives the batch back that waits for room when it is told to stop", async () => {
    const inbox = inboxSource([batchOf("a")]);
    const stop = new AbortController();
    const running = runSource({
      source: inbox.source,
      admit: async () => assert.fail("admitted"),
      room: { wait: (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())) },
      signal: stop.signal,
      onProblem: assert.fail,
    });
    await sleep(10);
    stop.abort();
    await running;
    assert.deepEqual([inbox.acknowledged, inbox.givenBack()], [[], 1]);
  });

  test("stops when told to, even in the middle of a long rest", async () => {
    const stop = new AbortController();
    const problems: Problem[] = [];
    const running = runSource({
      source: inboxSource([batchOf("a")]).source,
      admit: () => Promise.reject(new Error("never")),
      signal: stop.signal,
      onProblem: (problem) => problems.push(problem),
      restMs: 60_000,
    });
    await eventually("it has failed once", () => problems.length === 1);
    stop.abort();
    await running;
  });
});
