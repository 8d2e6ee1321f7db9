import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Problem } from "../../src/errors.ts";
import { createCircuit } from "../../src/pipeline/circuit.ts";

function setUp() {
  let time = 1000;
  const told: (string | undefined)[] = [];
  const circuit = createCircuit({ retryAfterMs: 100, now: () => time, onChange: (it) => told.push(it?.message) });
  return {
    ...{ circuit, told },
    pass(ms: number) {
      time += ms;
    },
  };
}

const fails = () => Promise.reject(new Problem("store-unavailable", "it is down"));

describe("a circuit", () => {
  test("gives what the work gives, and says nothing", async () => {
    const { circuit, told } = setUp();
    assert.deepEqual(await circuit.attempt(async () => 7), { value: 7 });
    assert.deepEqual(await circuit.attempt(async () => undefined), { value: undefined });
    assert.deepEqual([told, circuit.isOpen], [[], false]);
  });

  test("after a failure it tries nothing for a while, then one work, and tells each change once", async () => {
    const { circuit, told, pass } = setUp();
    assert.equal(await circuit.attempt(fails), undefined);
    let tried = 0;
    const work = async () => {
      tried += 1;
      return fails();
    };
    for (let i = 0; i < 5; i++) assert.equal(await circuit.attempt(work), undefined);
    assert.equal(tried, 0);
    pass(100);
    await Promise.all(Array.from({ length: 5 }, () => circuit.attempt(work)));
    assert.equal(tried, 1, "one finds out for all");
    assert.deepEqual([told, circuit.isOpen], [["it is down"], true]);
    pass(100);
    assert.deepEqual(await circuit.attempt(async () => 1), { value: 1 });
    assert.deepEqual(await circuit.attempt(async () => 2), { value: 2 });
    assert.deepEqual([told, circuit.isOpen], [["it is down", undefined], false]);
  });

  test("many that fail at once are told of once", async () => {
    const { circuit, told } = setUp();
    await Promise.all(Array.from({ length: 5 }, () => circuit.attempt(fails)));
    assert.deepEqual(told, ["it is down"]);
  });
});
