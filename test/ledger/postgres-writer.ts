import { createPostgresLedger } from "../../src/ledger/postgres.ts";
import { openPostgres } from "../../src/postgres.ts";
import { writeLedger } from "../contracts/ledger-writer.ts";

// Nobody is left to kill it when the test itself was.
process.on("disconnect", () => process.exit());

const postgres = await openPostgres({ url: process.argv[2]! });
await writeLedger(await createPostgresLedger({ postgres, installationKey: "test" }));
