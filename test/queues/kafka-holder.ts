import { createKafkaQueue } from "../../src/queues/kafka.ts";
import { holdJobs } from "../contracts/queue-holder.ts";

// Nobody is left to kill it when the test itself was.
process.on("disconnect", () => process.exit());

const [address, prefix, sessionTimeoutMs, prefetch] = process.argv.slice(2);
const queue = await createKafkaQueue({
  brokers: [address!],
  prefix: prefix!,
  sessionTimeoutMs: Number(sessionTimeoutMs),
  fetchWaitMs: 40,
  onProblem: () => {},
});
await holdJobs(queue, Number(prefetch));
