import { createRabbitQueue } from "../../src/queues/rabbitmq.ts";
import { holdJobs } from "../contracts/queue-holder.ts";

// Nobody is left to kill it when the test itself was.
process.on("disconnect", () => process.exit());

const [options, prefetch] = process.argv.slice(2);
await holdJobs(await createRabbitQueue(JSON.parse(options!)), Number(prefetch));
