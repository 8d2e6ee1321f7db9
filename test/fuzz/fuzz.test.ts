import { test } from "node:test";
import { fuzzPool } from "./pool-campaign.ts";

// FUZZ_ROW=7 FUZZ_COUNT=1000 tries others; what failed comes again in its row.
const row = Number(process.env.FUZZ_ROW ?? 1);
const count = Number(process.env.FUZZ_COUNT ?? 500);

test(`${count} damaged and forged files leave no process, no file and no face behind`, (t) =>
  fuzzPool(t, { row, count }));
