import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Problem } from "../../src/errors.ts";
import { patient } from "../../src/pipeline/patient.ts";
import type { Delivery } from "../../src/queues/queue.ts";
import { makeJob } from "../contracts/jobs.ts";

const unavailable = new Problem("queue-unavailable", "the broker takes nothing");

/** A loan whose end is refused `refusals` times. */
function refusing(refusals: number, why: unknown = unavailable) {
  const lost = new AbortController();
  const asked: string[] = [];
  const end = (what: string) => async () => {
    asked.push(what);
    if (asked.length <= refusals) throw why;
  };
  const delivery: Delivery = {
    ...{ job: makeJob(), signal: lost.signal, ack: end("ack"), deadLetter: end("dead") },
    retry: (delayMs) => end(`retry ${delayMs}`)(),
  };
  return { delivery, lost, asked };
}

function patiently(delivery: Delivery, restMs = 1) {
  const stop = new AbortController();
  const problems: Problem[] = [];
  const onProblem = (problem: Problem) => problems.push(problem);
  return { loan: patient(delivery, { stop: stop.signal, onProblem, restMs }), stop, problems };
}

describe("a loan of a queue that takes nothing for a while", () => {
  test("is asked to end again until it does, and told of once", async () => {
    const { delivery, asked } = refusing(3);
    const { loan, problems } = patiently(delivery);
    await loan.retry(70);
    assert.deepEqual(asked, Array(4).fill("retry 70"));
    assert.deepEqual(problems, [unavailable]);
    await loan.deadLetter();
    assert.equal(asked.at(-1), "dead");
  });

  test("is left to the queue when the worker is to end", async () => {
    const { delivery, asked } = refusing(Number.POSITIVE_INFINITY);
    const { loan, stop } = patiently(delivery, 60_000);
    const ending = loan.deadLetter();
    stop.abort();
    await ending;
    assert.deepEqual(asked, ["dead"]);
  });

  test("waits no more once it is lost, and for no other reason than the queue's", async () => {
    const { delivery, lost } = refusing(Number.POSITIVE_INFINITY);
    const { loan } = patiently(delivery, 60_000);
    const ending = loan.retry(1);
    lost.abort();
    await assert.rejects(ending, unavailable);
    const why = new Problem("invalid-config", "no access");
    await assert.rejects(patiently(refusing(1, why).delivery).loan.retry(1), why);
  });
});
