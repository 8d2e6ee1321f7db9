import { test } from "node:test";
import { fuzzPool } from "./pool-campaign.ts";
import { fuzzService } from "./service-campaign.ts";

// FUZZ_ROW=7 FUZZ_COUNT=1000 tries others; what failed comes again in its row.
const row = Number(process.env.FUZZ_ROW ?? 1);
const count = Number(process.env.FUZZ_COUNT ?? 500);

test(`${count} damaged and forged files leave no process, no file and no face behind`, (t) =>
  fuzzPool(t, { row, count }));

test("through the running program each is answered, by a masked picture or a problem of the table", (t) =>
  fuzzService(t, { row: row + 100, count: Math.ceil(count / 8) }));
