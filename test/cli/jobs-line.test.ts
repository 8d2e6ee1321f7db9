import assert from "node:assert/strict";
import { test } from "node:test";
import { lineOf } from "../../src/cli/jobs.ts";
import type { JobRecord } from "../../src/ledger/ledger.ts";

test("a job's line says its code once, also where the message begins with it", () => {
  const line = (message: string) =>
    lineOf({
      job: { id: "1", input: { store: "folder", key: "a.heic" } },
      ...{ state: "dead", attempts: 1, updatedAt: 0, last: { code: "unsupported", message } },
    } as unknown as JobRecord);
  assert.match(line("unsupported: HEIC with 2 pictures"), /unsupported: HEIC with 2 pictures/);
  assert.doesNotMatch(line("unsupported: HEIC with 2 pictures"), /unsupported: unsupported/);
  assert.match(line("video not supported yet: mp4"), /unsupported: video not supported yet: mp4/);
});
