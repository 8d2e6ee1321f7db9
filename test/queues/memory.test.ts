import { createMemoryQueue } from "../../src/queues/memory.ts";
import { queueContract } from "../contracts/queue.ts";

queueContract("memory", async () => {
  const queue = createMemoryQueue({ pollMs: 20 });
  return { queue, [Symbol.asyncDispose]: () => queue.close() };
});
