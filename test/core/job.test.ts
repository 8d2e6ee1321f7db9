import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isFinished, jobId, jobStates, mayFollow } from "../../src/core/job.ts";
import { defaultPolicy } from "../../src/core/policy.ts";

const job = {
  revision: 0,
  route: "folder",
  medium: "image" as const,
  input: { store: "input", key: "a.jpg", version: "1" },
  output: { store: "output", key: "a.jpg" },
  policy: defaultPolicy,
};

describe("a job's identity", () => {
  test("is the same for the same work and another for any other", () => {
    const id = jobId("key", job, ["model"]);
    assert.equal(jobId("key", structuredClone(job), ["model"]), id);
    const others = [
      jobId("another key", job, ["model"]),
      jobId("key", job, ["another model"]),
      jobId("key", { ...job, revision: 1 }, ["model"]),
      jobId("key", { ...job, route: "upload" }, ["model"]),
      jobId("key", { ...job, input: { ...job.input, version: "2" } }, ["model"]),
      jobId("key", { ...job, policy: { ...defaultPolicy, style: "solid" } }, ["model"]),
    ];
    assert.equal(new Set([id, ...others]).size, others.length + 1);
  });
});

describe("a job's states", () => {
  test("a finished job is never started again", () => {
    for (const state of jobStates.filter(isFinished)) assert.equal(mayFollow(state, "started"), false, state);
  });

  test("every unfinished state leads on, and none leads back to admitted", () => {
    for (const state of jobStates) {
      if (!isFinished(state))
        assert.ok(
          jobStates.some((next) => mayFollow(state, next)),
          state,
        );
      assert.equal(mayFollow(state, "admitted"), false, state);
    }
  });
});
