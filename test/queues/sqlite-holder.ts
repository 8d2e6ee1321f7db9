import { createSqliteQueue } from "../../src/queues/sqlite.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { holdJobs } from "../contracts/queue-holder.ts";

// Nobody is left to kill it when the test itself was.
process.on("disconnect", () => process.exit());

const [path, leaseMs, prefetch] = process.argv.slice(2);
const sqlite = await openSqlite(path!);
await holdJobs(await createSqliteQueue({ sqlite, leaseMs: Number(leaseMs) }), Number(prefetch));
