import { test } from "node:test";
import { fuzzPool } from "../fuzz/pool-campaign.ts";

const row = Number(process.env.FUZZ_ROW ?? 2);

test("20,000 damaged and forged files leave no process, no file and no face behind", (t) =>
  fuzzPool(t, { row, count: 20_000 }));
