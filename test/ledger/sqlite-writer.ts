import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { writeLedger } from "../contracts/ledger-writer.ts";

// Nobody is left to kill it when the test itself was.
process.on("disconnect", () => process.exit());

await writeLedger(await createSqliteLedger({ sqlite: await openSqlite(process.argv[2]!), installationKey: "test" }));
