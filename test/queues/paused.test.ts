import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMemoryQueue } from "../../src/queues/memory.ts";
import type { Queue } from "../../src/queues/queue.ts";
import { createSqliteQueue } from "../../src/queues/sqlite.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { makeJob } from "../contracts/jobs.ts";

const queues: Record<string, () => Promise<{ queue: Queue; close(): Promise<void> }>> = {
  async memory() {
    const queue = createMemoryQueue({ pollMs: 10 });
    return { queue, close: () => queue.close() };
  },
  async sqlite() {
    const sqlite = await openSqlite(":memory:");
    const queue = await createSqliteQueue({ sqlite, pollMs: 10 });
    return { queue, close: () => queue.close().then(() => sqlite.close()) };
  },
};

describe("a queue that can tell routes apart", () => {
  for (const [name, open] of Object.entries(queues)) {
    test(`leaves those of a paused route where they are, in order, and lends them afterwards (${name})`, async () => {
      const { queue, close } = await open();
      const keys = (route: string) => Array.from({ length: 40 }, (_, index) => makeJob({ key: `${index}.jpg`, route }));
      const [waiting, going] = [keys("waiting"), keys("going")];
      await queue.publish([...waiting, ...going], "bulk");
      let paused: readonly string[] = ["waiting", "unknown"];
      const stop = new AbortController();
      const lent: string[] = [];
      for await (const { job, ack } of queue.consume({
        ...{ lane: "bulk", prefetch: 3, signal: stop.signal },
        paused: () => paused,
      })) {
        lent.push(job.id);
        await ack();
        if (lent.length === going.length) paused = [];
        if (lent.length === going.length + waiting.length) stop.abort();
      }
      assert.deepEqual(
        lent,
        [...going, ...waiting].map(({ id }) => id),
      );
      await close();
    });
  }
});
