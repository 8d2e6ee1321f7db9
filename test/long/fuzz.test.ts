import { test } from "node:test";
import { fuzzPool } from "../fuzz/pool-campaign.ts";
import { fuzzService } from "../fuzz/service-campaign.ts";

const row = Number(process.env.FUZZ_ROW ?? 2);
const count = 20_000;

test("20,000 damaged and forged files leave no process, no file and no face behind", (t) =>
  fuzzPool(t, {
    row,
    count,
    told: (number, _, faults) => process.stderr.write(`${number} of ${count}, ${faults.length} faults\n`),
  }));

test("2,000 through the running program are answered, by a masked picture or a problem of the table", (t) =>
  fuzzService(t, { row: row + 100, count: 2000 }));
